"""Strategies by table: the pods that each of them wants of what serves and of the candidate, and when it promotes."""

import pytest

from millwright.core.pod_state import Trouble
from millwright.core.strategies import STRATEGIES
from millwright.core.strategies.rollout import RollOut
from millwright.core.version_set_state import VersionSetState


def candidate(replicas: int, ready: int, seen: bool = True) -> VersionSetState:
    return VersionSetState("applied", replicas=replicas, ready=ready, seen=seen)


# strategy, candidate, pods of other sets → pods of what serves, pods of the candidate, whether it is promoted; of three
STEPS: dict[str, tuple[str, VersionSetState | None, int, tuple[int, int | None, bool]]] = {
    "RollingUpdate starts the candidate beside what serves": ("RollingUpdate", None, 3, (3, 3, False)),
    "RollingUpdate waits for all of its pods": ("RollingUpdate", candidate(3, 2), 3, (3, 3, False)),
    "RollingUpdate promotes it when all answer": ("RollingUpdate", candidate(3, 3), 3, (3, 3, True)),
    "RollingUpdate scales it before it is promoted": ("RollingUpdate", candidate(2, 2), 3, (3, 3, False)),
    "RollingUpdate waits until its numbers are of today": ("RollingUpdate", candidate(3, 3, False), 3, (3, 3, False)),
    "Recreate starts nothing before the last pod is gone": ("Recreate", None, 1, (0, None, False)),
    "Recreate starts the candidate then": ("Recreate", None, 0, (0, 3, False)),
    "Recreate waits for all of its pods": ("Recreate", candidate(3, 2), 0, (0, 3, False)),
    "Recreate promotes it when all answer": ("Recreate", candidate(3, 3), 0, (0, 3, True)),
    "Recreate goes on with no candidate that was begun beside others": (
        "Recreate",
        candidate(3, 3),
        1,
        (0, None, False),
    ),
}


@pytest.mark.parametrize(("strategy", "seen", "others", "expected"), STEPS.values(), ids=STEPS.keys())
def test_the_step(
    strategy: str, seen: VersionSetState | None, others: int, expected: tuple[int, int | None, bool]
) -> None:
    step = STRATEGIES[strategy](RollOut("2", 3, seen, others))
    assert (step.serving, step.candidate, step.promote) == expected


@pytest.mark.parametrize("strategy", ["RollingUpdate", "Recreate"])
def test_a_candidate_of_no_pods_is_promoted_as_soon_as_its_set_is_there(strategy: str) -> None:
    assert not STRATEGIES[strategy](RollOut("2", 0, None, 0)).promote
    assert STRATEGIES[strategy](RollOut("2", 0, candidate(0, 0), 0)).promote


def test_what_keeps_a_candidate_is_told() -> None:
    state = VersionSetState("applied", replicas=3, ready=1, trouble=Trouble("OOMKilled", "exit code 137"))
    step = STRATEGIES["RollingUpdate"](RollOut("2", 3, state, 3))
    assert step.message == "version 2: 1 of 3 pods answer: OOMKilled: exit code 137"


@pytest.mark.parametrize(("others", "words"), [(1, "the last pod before it is gone"), (2, "the 2 pods before it are")])
def test_recreate_says_what_it_waits_for(others: int, words: str) -> None:
    step = STRATEGIES["Recreate"](RollOut("2", 3, None, others))
    assert step.reason == "Recreating"
    assert words in step.message and "nothing answers until it does" in step.message
