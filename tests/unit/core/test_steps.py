"""Where a candidate is on its steps, by table: what it gets, how many pods that needs, and when it goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millwright.api.rollout import Promotion, Step, Strategy
from millwright.core.analysis.verdict import Finding, Verdict
from millwright.core.strategies import STRATEGIES
from millwright.core.strategies.rollout import RollOut
from millwright.core.strategies.walk import Hold, Walk, steps_of
from millwright.core.version_set_state import VersionSetState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = 4
PLAN: tuple[dict[str, Any], ...] = (
    {"setWeight": 10},
    {"pause": {"seconds": 60}},
    {"setReplicas": 3},
    {"setWeight": 50},
    {"pause": {}},
)
UNSURE = Verdict((Finding("error-rate", "Undecided", "5 of 50"),))
SURE = Verdict((Finding("error-rate", "Passed", "0 of 5000"),))


def steps(*given: dict[str, Any]) -> tuple[Step, ...]:
    return tuple(Step.model_validate(step) for step in given)


def walk(index: int, seconds: float = 0, **fields: Any) -> Walk:
    values: dict[str, Any] = {
        "steps": steps(*PLAN),
        "index": index,
        "since": NOW - timedelta(seconds=seconds),
        "now": NOW,
        "of_all": True,
    }
    return Walk(**(values | fields))


def pods(replicas: int, ready: int | None = None) -> VersionSetState:
    return VersionSetState("applied", replicas=replicas, ready=replicas if ready is None else ready)


def rollout(where: Walk, candidate: VersionSetState | None) -> RollOut:
    return RollOut("2", WHOLE, candidate, 0, where)


# Where it is, its pods → pods wanted, weight, whether the step is done, reason.
STEPS: dict[str, tuple[Walk, VersionSetState | None, tuple[int, int, bool, str]]] = {
    "it starts with the pods that its first share needs": (walk(0), None, (1, 0, False, "RollingOut")),
    "it gets no share before they answer": (walk(0), pods(1, 0), (1, 0, False, "RollingOut")),
    "the share is set when they answer": (walk(0), pods(1), (1, 0, True, "RollingOut")),
    "a pause keeps the share": (walk(1, 59), pods(1), (1, 10, False, "Pausing")),
    "a pause ends with its time": (walk(1, 60), pods(1), (1, 10, True, "RollingOut")),
    "more pods are waited for": (walk(2), pods(1), (3, 10, False, "RollingOut")),
    "more pods are there": (walk(2), pods(3), (3, 10, True, "RollingOut")),
    "pods that were chosen stay as many": (walk(3), pods(3), (3, 10, True, "RollingOut")),
    "approval is waited for": (walk(4, 10_000), pods(3), (3, 50, False, "AwaitingApproval")),
    "the last step needs all pods": (walk(5), pods(3), (4, 50, False, "RollingOut")),
    "without an answering pod there is no share": (walk(4), pods(3, 0), (3, 0, False, "RollingOut")),
    "what holds it is said": (walk(1, 600, hold=Hold("Paused", "somebody")), pods(1), (1, 10, False, "Paused")),
    "what holds it keeps nobody's pods from starting": (
        walk(2, hold=Hold("Paused", "")),
        pods(1),
        (3, 10, False, "RollingOut"),
    ),
}


@pytest.mark.parametrize(("where", "candidate", "expected"), STEPS.values(), ids=STEPS.keys())
def test_of_a_canary(where: Walk, candidate: VersionSetState | None, expected: tuple[int, int, bool, str]) -> None:
    step = STRATEGIES["Canary"](rollout(where, candidate))
    assert (step.candidate, step.weight, step.done, step.reason) == expected
    assert (step.serving, step.promote) == (WHOLE, False)


# What is approved, of version 2 at its pause without a time → whether it goes on.
APPROVALS = {
    "nothing": (None, False),
    "an earlier step": (Promotion(version="2", step=3), False),
    "this step": (Promotion(version="2", step=4), True),
    "all": (Promotion(version="2"), True),
}


@pytest.mark.parametrize(("promoted", "done"), APPROVALS.values(), ids=APPROVALS.keys())
def test_a_pause_ends_with_approval_of(promoted: Promotion | None, done: bool) -> None:
    assert STRATEGIES["Canary"](rollout(walk(4, promoted=promoted), pods(3))).done is done


# After the last step: verdict, what is approved → whether it is promoted.
ENDS = {
    "nobody asks for an analysis": (None, None, True),
    "the analysis is sure": (SURE, None, True),
    "the analysis is not sure": (UNSURE, None, False),
    "a person does not wait for it": (UNSURE, Promotion(version="2"), True),
    "a person approved the steps only": (UNSURE, Promotion(version="2", step=4), False),
}


@pytest.mark.parametrize(("verdict", "promoted", "expected"), ENDS.values(), ids=ENDS.keys())
def test_it_is_promoted_when(verdict: Verdict | None, promoted: Promotion | None, expected: bool) -> None:
    step = STRATEGIES["Canary"](rollout(walk(5, verdict=verdict, promoted=promoted), pods(4)))
    assert step.promote is expected


def test_an_analysis_step_waits_until_it_is_sure() -> None:
    waiting = walk(0, steps=steps({"analysis": {}}), verdict=UNSURE)
    assert not STRATEGIES["Canary"](rollout(waiting, pods(1))).done
    assert STRATEGIES["Canary"](rollout(replace(waiting, verdict=SURE), pods(1))).done


# Share, of all pods or beside stable's → pods of four that it takes.
SHARES = [(1, True, 1), (10, True, 1), (50, True, 2), (60, True, 3), (100, True, 4)]
SHARES += [(1, False, 1), (20, False, 1), (33, False, 2), (50, False, 4), (90, False, 4), (100, False, 4)]


@pytest.mark.parametrize(("share", "of_all", "expected"), SHARES)
def test_pods_for_a_share(share: int, of_all: bool, expected: int) -> None:
    assert walk(0, steps=steps({"setWeight": share}), of_all=of_all).replicas(WHOLE, False) == expected


def test_a_blue_green_candidate_has_all_pods_from_the_start() -> None:
    blue = Strategy(type="BlueGreen")
    step = STRATEGIES["BlueGreen"](rollout(walk(0, steps=steps_of(blue)), pods(4)))
    assert (step.candidate, step.weight, step.reason) == (WHOLE, 0, "AwaitingApproval")


def test_a_shadow_gets_copies() -> None:
    step = STRATEGIES["Shadow"](rollout(walk(1, steps=steps_of(Strategy(type="Shadow"))), pods(4)))
    assert (step.weight, step.mirror) == (0, 100)


@pytest.mark.parametrize("kind", ["Canary", "BlueGreen", "Shadow"])
def test_every_strategy_has_steps_of_its_own(kind: str) -> None:
    assert steps_of(Strategy.model_validate({"type": kind}))
    assert steps_of(Strategy.model_validate({"type": kind, "steps": [{"pause": {}}]})) == steps({"pause": {}})


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate"])
def test_strategies_without_steps_have_none(kind: str) -> None:
    assert steps_of(Strategy.model_validate({"type": kind})) == ()
