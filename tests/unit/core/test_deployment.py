"""Decisions on a Deployment by table: the set that serves has as many pods as asked for, and the status says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from millwright.api.deployment import DeploymentSpec, DeploymentStatus, ServedVersion
from millwright.core import version_set
from millwright.core.actions import DeleteVersionSet, Scale
from millwright.core.conditions import find
from millwright.core.deployment import DeploymentObserved, VersionSetState, decide
from millwright.core.execution import ObjectKey
from millwright.core.training_state import Missing
from millwright.core.version_set import Platform, Target

KEY = ObjectKey("flights", "arr-delay")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
PLATFORM = Platform("serving:1", "storage")
OLD, NEW = (Target("arr-delay", number, f"s3://models/{number}", f"sha256:{number}") for number in ("1", "2"))


def spec(replicas: int) -> DeploymentSpec:
    return DeploymentSpec.model_validate({"model": {"name": "arr-delay"}, "replicas": replicas})


def served(target: Target) -> ServedVersion:
    name = version_set.name(KEY, spec(2), target, PLATFORM)
    return ServedVersion(version=target.version, version_set=name, digest=target.digest, since=LONG_AGO)


def observed(replicas: int, target: Target | Missing = OLD, **status: object) -> DeploymentObserved:
    """Version 1 serves with two pods, and its manifests are applied; `replicas` are asked for."""
    stable = served(OLD)
    made, _ = version_set.manifests(KEY, "uid", spec(2), OLD, PLATFORM)
    return DeploymentObserved(
        key=KEY,
        uid="uid",
        generation=1,
        spec=spec(replicas),
        status=DeploymentStatus(stable=stable).model_copy(update=status),
        target=target,
        sets={stable.version_set: VersionSetState(version_set.applied(made), replicas=2, ready=2)},
    )


def with_candidate(before: DeploymentObserved, ready: int = 0) -> DeploymentObserved:
    """Version 2's set is there too."""
    state = VersionSetState("applied", replicas=before.spec.replicas, ready=ready)
    return replace(before, sets={**before.sets, served(NEW).version_set: state})


WAITING = Missing("AliasNotSet", "alias champion points to no version yet")
WRONG = Missing("VersionNotPackaged", "not made by a TrainingRun", final=True)
# What becomes of the version that is wanted, while five pods are asked for.
UNSETTLED: dict[str, tuple[DeploymentObserved, str]] = {
    "a new version begins to roll out": (observed(5, NEW), "RollingOut"),
    "a new version rolls out": (with_candidate(observed(5, NEW)), "RollingOut"),
    "a new version is given up": (
        with_candidate(observed(5, NEW, candidate=served(NEW))),
        "ProgressDeadlineExceeded",
    ),
    "a new version was given up": (observed(5, NEW, rejected=served(NEW)), "ProgressDeadlineExceeded"),
    "the version is waited for": (observed(5, WAITING), "AliasNotSet"),
    "the version is wrong": (observed(5, WRONG), "VersionNotPackaged"),
}


@pytest.mark.parametrize(("seen", "reason"), UNSETTLED.values(), ids=UNSETTLED.keys())
def test_what_serves_is_scaled_while(seen: DeploymentObserved, reason: str) -> None:
    plan = decide(seen, PLATFORM, NOW)
    ready = find(plan.status.conditions, "Ready")
    assert ready is not None and ready.reason == reason
    assert plan.actions[0] == Scale(served(OLD).version_set, 5)
    assert DeleteVersionSet(served(OLD).version_set) not in plan.actions


@pytest.mark.parametrize(("seen", "reason"), UNSETTLED.values(), ids=UNSETTLED.keys())
def test_what_serves_with_as_many_pods_as_asked_for_is_left_alone_while(seen: DeploymentObserved, reason: str) -> None:
    plan = decide(replace(seen, spec=spec(2)), PLATFORM, NOW)
    assert [action for action in plan.actions if isinstance(action, Scale)] == []


@pytest.mark.parametrize("seen", [observed(2), *(seen for seen, _ in UNSETTLED.values())])
def test_it_is_looked_at_again_whatever_the_watches_tell(seen: DeploymentObserved) -> None:
    again = decide(seen, PLATFORM, NOW).requeue_after
    assert again is not None and again <= 30


def test_nothing_is_scaled_where_nothing_serves() -> None:
    seen = replace(observed(5, WAITING), status=DeploymentStatus(), sets={})
    assert decide(seen, PLATFORM, NOW).actions == ()


# Pods asked for, and those that answer → Ready, Available and the reason of both.
AVAILABILITY = {
    "all pods answer": (2, 2, "True", "True", "Serving"),
    "more answer than asked for": (1, 2, "True", "True", "Serving"),
    "one is missing": (3, 2, "False", "True", "PodsNotReady"),
    "none answers": (2, 0, "False", "False", "PodsNotReady"),
    "none is asked for": (0, 0, "True", "False", "ScaledToZero"),
    "none is asked for and two have not left yet": (0, 2, "True", "False", "ScaledToZero"),
}


@pytest.mark.parametrize(
    ("asked", "answer", "ready", "available", "reason"), AVAILABILITY.values(), ids=AVAILABILITY.keys()
)
def test_its_conditions_when(asked: int, answer: int, ready: str, available: str, reason: str) -> None:
    before = observed(asked)
    sets = {name: replace(state, ready=answer) for name, state in before.sets.items()}
    conditions = decide(replace(before, sets=sets), PLATFORM, NOW).status.conditions
    said = [find(conditions, kind) for kind in ("Ready", "Available")]
    assert [(c.status, c.reason) for c in said if c] == [(ready, reason), (available, reason)]


def test_scaled_to_zero_it_does_not_claim_to_serve() -> None:
    said = find(decide(observed(0), PLATFORM, NOW).status.conditions, "Ready")
    assert said is not None
    assert said.message == "scaled to zero: version 1 is kept and does not answer until spec.replicas is raised"
