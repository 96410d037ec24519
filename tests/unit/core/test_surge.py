"""How many pods may be missing where there is no room, and what strategies make of it, by table."""

from typing import Any

import pytest

from millwright.api.rollout import Strategy
from millwright.core import surge
from millwright.core.strategies import STRATEGIES
from millwright.core.strategies.rollout import RollOut, Surge
from millwright.core.version_set_state import VersionSetState

# Strategy, and how it goes (a roll-back goes as RollingUpdate), pods → how many of them may be missing.
ALLOWED: dict[str, tuple[dict[str, Any], str, int, int]] = {
    "a quarter of a RollingUpdate": ({}, "RollingUpdate", 4, 1),
    "rounded down": ({}, "RollingUpdate", 7, 1),
    "none of three": ({}, "RollingUpdate", 3, 0),
    "none of none": ({"maxUnavailable": 2}, "RollingUpdate", 0, 0),
    "as asked for": ({"maxUnavailable": 2}, "RollingUpdate", 3, 2),
    "in percent": ({"maxUnavailable": "50%"}, "RollingUpdate", 3, 1),
    "none where none is asked for": ({"maxUnavailable": 0}, "RollingUpdate", 100, 0),
    "the only one": ({"maxUnavailable": 1}, "RollingUpdate", 1, 1),
    "never more than there are": ({"maxUnavailable": 9}, "RollingUpdate", 2, 2),
    "none of a Canary": ({"type": "Canary"}, "Canary", 100, 0),
    "of a Canary as asked for": ({"type": "Canary", "maxUnavailable": "25%"}, "Canary", 4, 1),
    "of a Canary never the last one": ({"type": "Canary", "maxUnavailable": "100%"}, "Canary", 3, 2),
    "a quarter of a Canary that is rolled back": ({"type": "Canary"}, "RollingUpdate", 4, 1),
    "none of a BlueGreen": ({"type": "BlueGreen"}, "BlueGreen", 100, 0),
    "none of a Recreate": ({"type": "Recreate"}, "Recreate", 100, 0),
}


@pytest.mark.parametrize(("strategy", "kind", "pods", "expected"), ALLOWED.values(), ids=ALLOWED.keys())
def test_it_may_miss(strategy: dict[str, Any], kind: str, pods: int, expected: int) -> None:
    assert surge.allowed(Strategy.model_validate(strategy), kind, pods) == expected


def candidate(ready: int) -> VersionSetState:
    return VersionSetState("applied", replicas=4, ready=ready)


# Strategy, pods of the candidate that answer, pods of others, room → pods of what serves, weight, promoted; of four.
STEPS: dict[str, tuple[str, int, int, Surge, tuple[int, int, bool]]] = {
    "there is room": ("RollingUpdate", 3, 4, Surge(), (4, 0, False)),
    "one may be missing": ("RollingUpdate", 0, 4, Surge(1, 1), (3, 0, False)),
    "two may be missing": ("RollingUpdate", 0, 4, Surge(2, 1), (2, 0, False)),
    "a pod answers, and another may leave": ("RollingUpdate", 1, 3, Surge(1, 1), (2, 33, False)),
    "none leaves now": ("RollingUpdate", 1, 3, Surge(1, 3), (3, 25, False)),
    "all but one answer": ("RollingUpdate", 3, 1, Surge(1, 1), (1, 75, True)),
    "all may be missing": ("RollingUpdate", 0, 4, Surge(4, 0), (0, 0, False)),
    "one of all that may be missing answers": ("RollingUpdate", 1, 0, Surge(4, 0), (0, 0, True)),
    "nothing else answers, and there is room for one": ("RollingUpdate", 1, 0, Surge(stuck=True), (4, 0, True)),
    "something else answers, and there is room for one": ("RollingUpdate", 1, 4, Surge(stuck=True), (4, 0, False)),
    "Recreate found no room": ("Recreate", 0, 0, Surge(lacking="", stuck=True), (4, 0, False)),
    "Recreate found no room, and what served is back": ("Recreate", 0, 4, Surge(lacking="", stuck=True), (4, 0, False)),
    "Recreate found room for some": ("Recreate", 2, 0, Surge(lacking="", stuck=True), (4, 0, True)),
}


@pytest.mark.parametrize(("kind", "ready", "others", "room", "expected"), STEPS.values(), ids=STEPS.keys())
def test_the_step_where(kind: str, ready: int, others: int, room: Surge, expected: tuple[int, int, bool]) -> None:
    step = STRATEGIES[kind](RollOut("2", 4, candidate(ready), others, surge=room))
    assert (step.serving, step.weight, step.promote) == expected


def test_what_it_waits_for_is_told_after_how_far_it_is() -> None:
    step = STRATEGIES["RollingUpdate"](RollOut("2", 4, candidate(1), 4, surge=Surge(lacking="it waits", stuck=True)))
    assert (step.reason, step.message, step.stuck) == ("Unschedulable", "version 2: 1 of 4 pods answer; it waits", True)
