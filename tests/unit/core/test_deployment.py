"""Decisions on a Deployment by table: the set that serves has as many pods as asked for, and the status says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millwright.api.deployment import Candidate, DeploymentSpec, DeploymentStatus, RejectedVersion, ServedVersion
from millwright.core import candidates, children, traffic, version_set
from millwright.core.actions import Apply, DeleteAutoscaler, DeleteVersionSet, Scale
from millwright.core.conditions import Fact, find, merge, ready, working
from millwright.core.deployment import decide
from millwright.core.deployment_state import DeploymentObserved, Unresolved
from millwright.core.execution import ObjectKey
from millwright.core.pod_state import Trouble
from millwright.core.serving_pod import Platform, Target
from millwright.core.traffic import Traffic
from millwright.core.training_state import Missing
from millwright.core.version_set_state import VersionSetState

KEY = ObjectKey("flights", "arr-delay")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
PLATFORM = Platform("serving:1", "storage")
OLD, NEW = (Target("arr-delay", number, f"s3://models/{number}", f"sha256:{number}") for number in ("1", "2"))


def spec(replicas: int, **fields: Any) -> DeploymentSpec:
    return DeploymentSpec.model_validate({"model": {"name": "arr-delay"}, "replicas": replicas} | fields)


def served(target: Target) -> ServedVersion:
    name = version_set.name(KEY, spec(2), target, PLATFORM)
    return ServedVersion(version=target.version, version_set=name, digest=target.digest, since=LONG_AGO)


def on_its_way(target: Target) -> Candidate:
    return Candidate(**served(target).model_dump(), attempt=candidates.attempt(spec(2)))


def rejected(target: Target, **changes: Any) -> RejectedVersion:
    given_up = RejectedVersion(
        version=target.version,
        version_set=served(target).version_set,
        digest=target.digest,
        attempt=candidates.attempt(spec(2)),
        progress_deadline_seconds=600,
        since=LONG_AGO,
        reason="OOMKilled",
        message="OOMKilled: exit code 137",
    )
    return given_up.model_copy(update=changes)


def observed(replicas: int, target: Target | Missing = OLD, **status: object) -> DeploymentObserved:
    """Version 1 serves with two pods, and its manifests are applied; `replicas` are asked for."""
    stable = served(OLD)
    made, _ = version_set.manifests(KEY, "uid", spec(2), OLD, PLATFORM, 2)
    return DeploymentObserved(
        key=KEY,
        uid="uid",
        generation=1,
        spec=spec(replicas),
        status=DeploymentStatus(stable=stable).model_copy(update=status),
        target=target,
        sets={stable.version_set: VersionSetState(children.applied(made), replicas=2, ready=2, current=2)},
        pods={stable.version_set: 2},
        service_applied=children.applied(traffic.service(KEY, "uid", Traffic(stable), False)),
    )


def with_candidate(before: DeploymentObserved, ready: int = 0, trouble: Trouble | None = None) -> DeploymentObserved:
    """Version 2's set is there too."""
    state = VersionSetState("applied", replicas=before.spec.replicas, ready=ready, trouble=trouble)
    return replace(before, sets={**before.sets, served(NEW).version_set: state})


WAITING = Missing("AliasNotSet", "alias champion points to no version yet")
WRONG = Missing("VersionNotPackaged", "not made by a TrainingRun", final=True)
UNKNOWN_POOL = replace(observed(5), spec=spec(5, nodePool="gpu"))
# What becomes of the version that is wanted, while five pods are asked for.
UNSETTLED: dict[str, tuple[DeploymentObserved, str]] = {
    "a new version begins to roll out": (observed(5, NEW), "RollingOut"),
    "a new version rolls out": (with_candidate(observed(5, NEW)), "RollingOut"),
    "a new version is given up": (
        with_candidate(observed(5, NEW, candidate=on_its_way(NEW))),
        "ProgressDeadlineExceeded",
    ),
    "a new version was given up": (observed(5, NEW, rejected_version=rejected(NEW)), "ProgressDeadlineExceeded"),
    "the version is waited for": (observed(5, WAITING), "AliasNotSet"),
    "the version is wrong": (observed(5, WRONG), "VersionNotPackaged"),
    "the platform has no such node pool": (UNKNOWN_POOL, "InvalidPlacement"),
}


@pytest.mark.parametrize(("seen", "reason"), UNSETTLED.values(), ids=UNSETTLED.keys())
def test_what_serves_is_scaled_while(seen: DeploymentObserved, reason: str) -> None:
    plan = decide(seen, PLATFORM, NOW)
    ready, available = (find(plan.status.conditions, kind) for kind in ("Ready", "Available"))
    assert ready is not None and ready.reason == reason
    assert available is not None and available.status == "True"
    assert plan.actions[0] == Scale(served(OLD).version_set, 5)
    assert DeleteVersionSet(served(OLD).version_set) not in plan.actions


@pytest.mark.parametrize(("seen", "reason"), UNSETTLED.values(), ids=UNSETTLED.keys())
def test_what_serves_with_as_many_pods_as_asked_for_is_left_alone_while(seen: DeploymentObserved, reason: str) -> None:
    plan = decide(replace(seen, spec=seen.spec.model_copy(update={"replicas": 2})), PLATFORM, NOW)
    assert [action for action in plan.actions if isinstance(action, Scale)] == []


@pytest.mark.parametrize("missing", [WAITING, WRONG], ids=lambda missing: missing.reason)
def test_a_candidate_whose_version_is_no_longer_wanted_leaves(missing: Missing) -> None:
    plan = decide(with_candidate(observed(2, missing, candidate=on_its_way(NEW))), PLATFORM, NOW)
    assert plan.actions == (DeleteVersionSet(served(NEW).version_set),)
    assert plan.status.candidate is None
    said = find(plan.status.conditions, "Ready")
    assert said is not None and said.message == f"{missing.message}; version 1 goes on serving"


DOWN = Unresolved("MlflowUnavailable", "mlflow: connection refused")
# What was said of Ready before the registry went away → what is said now, of two pods that answer.
OUTAGES = {
    "ready, it stays ready": (ready("Serving", ""), ("True", "Serving")),
    "with pods that started, they have": (working("PodsStarting", ""), ("True", "Serving")),
    "rolling out, it waits": (working("RollingOut", ""), ("Unknown", "MlflowUnavailable")),
    "not approved, it waits": (working("NotApproved", ""), ("Unknown", "MlflowUnavailable")),
}


@pytest.mark.parametrize(("before", "expected"), OUTAGES.values(), ids=OUTAGES.keys())
def test_without_the_registry(before: tuple[Fact, ...], expected: tuple[str, str]) -> None:
    seen = replace(observed(2), target=DOWN)
    status = seen.status.model_copy(update={"conditions": merge((), before, 1, LONG_AGO), "candidate": on_its_way(NEW)})
    plan = decide(with_candidate(replace(seen, status=status)), PLATFORM, NOW)
    said = {c.type: (c.status, c.reason) for c in plan.status.conditions}
    assert said["Ready"] == expected
    assert (said["Reconciling"], said["Available"]) == (("True", "MlflowUnavailable"), ("True", "Serving"))
    assert plan.actions == () and plan.status.candidate == on_its_way(NEW)


def test_without_the_registry_pods_that_left_for_a_candidate_stay_away() -> None:
    candidate = on_its_way(NEW).model_copy(update={"without_surge": True, "weight": 50})
    seen = with_candidate(replace(observed(2, candidate=candidate), target=DOWN), ready=1)
    one = {name: replace(state, replicas=1, ready=1) for name, state in seen.sets.items()}
    plan = decide(replace(seen, sets=one), PLATFORM, NOW)
    assert [action for action in plan.actions if isinstance(action, Scale)] == []
    available = find(plan.status.conditions, "Available")
    assert available is not None and available.message == "version 1 and version 2: 2 of 2 pods answer"


@pytest.mark.parametrize("seen", [observed(2), *(seen for seen, _ in UNSETTLED.values())])
def test_it_is_looked_at_again_whatever_the_watches_tell(seen: DeploymentObserved) -> None:
    again = decide(seen, PLATFORM, NOW).requeue_after
    assert again is not None and again <= 60


def test_nothing_is_scaled_where_nothing_serves() -> None:
    seen = replace(observed(5, WAITING), status=DeploymentStatus(), sets={})
    plan = decide(seen, PLATFORM, NOW)
    available = find(plan.status.conditions, "Available")
    assert plan.actions == ()
    assert available is not None and (available.status, available.reason) == ("False", "NothingServes")


# Pods asked for, those that answer, and what keeps one from it → Ready, Available and the reason of both.
AVAILABILITY: dict[str, tuple[int, int, Trouble | None, tuple[str, str], tuple[str, str]]] = {
    "all pods answer": (2, 2, None, ("True", "Serving"), ("True", "Serving")),
    "more answer than asked for": (1, 2, None, ("True", "Serving"), ("True", "Serving")),
    "more are starting": (3, 2, None, ("Unknown", "PodsStarting"), ("True", "Serving")),
    "one cannot start": (3, 2, Trouble("Unschedulable"), ("False", "PodsNotReady"), ("True", "Serving")),
    "none answers": (2, 0, None, ("False", "PodsNotReady"), ("False", "PodsNotReady")),
    "none is asked for": (0, 0, None, ("True", "ScaledToZero"), ("False", "ScaledToZero")),
    "none is asked for and two have not left yet": (0, 2, None, ("True", "ScaledToZero"), ("False", "ScaledToZero")),
}


@pytest.mark.parametrize(
    ("asked", "answer", "trouble", "ready", "available"), AVAILABILITY.values(), ids=AVAILABILITY.keys()
)
def test_its_conditions_when(
    asked: int, answer: int, trouble: Trouble | None, ready: tuple[str, str], available: tuple[str, str]
) -> None:
    before = observed(asked)
    sets = {name: replace(state, ready=answer, trouble=trouble) for name, state in before.sets.items()}
    conditions = decide(replace(before, sets=sets), PLATFORM, NOW).status.conditions
    said = [find(conditions, kind) for kind in ("Ready", "Available")]
    assert [(c.status, c.reason) for c in said if c] == [ready, available]


def test_scaled_to_zero_it_does_not_claim_to_serve() -> None:
    said = find(decide(observed(0), PLATFORM, NOW).status.conditions, "Ready")
    assert said is not None
    assert said.message == "scaled to zero: version 1 is kept and does not answer until spec.replicas is raised"


def test_a_version_that_is_given_up_is_remembered_with_what_its_pods_said() -> None:
    trouble = Trouble("DigestMismatch", "exit code 3: another digest")
    plan = decide(with_candidate(observed(2, NEW, candidate=on_its_way(NEW)), trouble=trouble), PLATFORM, NOW)
    what = plan.status.rejected_version
    assert what is not None
    assert (what.version, what.reason, what.attempt) == ("2", "DigestMismatch", candidates.attempt(spec(2)))
    said = find(plan.status.conditions, "Ready")
    assert said is not None
    assert "(DigestMismatch: exit code 3: another digest); version 1 goes on serving" in said.message
    assert plan.actions == (DeleteVersionSet(served(NEW).version_set),)


# What was rejected, and what is asked for now → whether it is tried again.
ATTEMPTS: dict[str, tuple[RejectedVersion, DeploymentSpec, bool]] = {
    "the same as before": (rejected(NEW), spec(2), False),
    "other pods in number": (rejected(NEW), spec(7), False),
    "another version": (rejected(OLD), spec(2), True),
    "another strategy": (rejected(NEW), spec(2, strategy={"type": "Recreate"}), True),
    "another deadline": (rejected(NEW), spec(2, progressDeadlineSeconds=900), True),
    "another template": (rejected(NEW), spec(2, template={"priorityClassName": "high"}), True),
}


@pytest.mark.parametrize(("what", "asked", "again"), ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_a_rejected_version_is_tried_again_with(what: RejectedVersion, asked: DeploymentSpec, again: bool) -> None:
    plan = decide(replace(observed(2, NEW, rejected_version=what), spec=asked), PLATFORM, NOW)
    assert (plan.status.candidate is not None) is again


def test_recreate_takes_the_pods_of_what_serves_first_and_says_that_nothing_answers() -> None:
    seen = replace(observed(2, NEW), spec=spec(2, strategy={"type": "Recreate"}))
    plan = decide(seen, PLATFORM, NOW)
    assert plan.actions == (Scale(served(OLD).version_set, 0),)
    gone = replace(seen, sets={served(OLD).version_set: VersionSetState("applied", replicas=0, ready=0)})
    conditions = decide(gone, PLATFORM, NOW).status.conditions
    said = {c.type: (c.status, c.reason) for c in conditions}
    assert said["Ready"] == ("Unknown", "Recreating")
    assert said["Available"] == ("False", "PodsNotReady")


def test_the_time_of_a_candidate_runs_from_when_its_pods_are_asked_for() -> None:
    waited = replace(observed(2, NEW, candidate=on_its_way(NEW)), spec=spec(2, strategy={"type": "Recreate"}))
    recreated = on_its_way(NEW).model_copy(update={"attempt": candidates.attempt(waited.spec), "step_since": NOW})
    assert decide(waited, PLATFORM, NOW).status.candidate == recreated
    begun = decide(replace(waited, pods={}), PLATFORM, NOW).status.candidate
    assert begun is not None and begun.since == NOW


def test_the_autoscaler_is_made_kept_and_taken_away() -> None:
    scaled = replace(observed(2), spec=spec(2, autoscaling={"maxReplicas": 3}))
    (made,) = decide(scaled, PLATFORM, NOW).actions
    assert isinstance(made, Apply) and made.manifest["kind"] == "HorizontalPodAutoscaler"
    there = replace(scaled, autoscaler_applied=children.applied(made.manifest))
    assert decide(there, PLATFORM, NOW).actions == ()
    assert decide(replace(there, spec=spec(2)), PLATFORM, NOW).actions == (DeleteAutoscaler(),)


def test_autoscalers_count_the_pods_of_the_version_that_serves() -> None:
    status = decide(with_candidate(observed(2, NEW)), PLATFORM, NOW).status
    assert status.selector == f"millwright.dev/version-set={served(OLD).version_set}"
    assert (status.replicas, status.ready_replicas) == (2, 2)


def test_what_answered_with_all_its_pods_is_the_last_known_good() -> None:
    assert decide(observed(2), PLATFORM, NOW).status.last_known_good == served(OLD)
    assert decide(observed(3), PLATFORM, NOW).status.last_known_good is None


def test_a_version_that_answers_at_the_last_moment_has_answered() -> None:
    late = with_candidate(observed(2, NEW, candidate=on_its_way(NEW)), ready=2)
    plan = decide(late, PLATFORM, NOW)
    assert plan.status.rejected_version is None
    assert plan.status.stable is not None and plan.status.stable.version == "2"
