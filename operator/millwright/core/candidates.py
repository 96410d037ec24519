"""The record of a version on its way: where it is on its steps, what it gets, and why it is given up."""

from datetime import datetime, timedelta

from millwright.api.deployment import Candidate, DeploymentSpec, MetricFinding, RejectedVersion
from millwright.core import on_record
from millwright.core.analysis.verdict import Finding, Verdict
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.execution import short_hash
from millwright.core.pod_state import Trouble
from millwright.core.route_state import GATEWAY_SECONDS
from millwright.core.serving_pod import Target
from millwright.core.strategies.rollout import Step
from millwright.core.strategies.walk import Hold, Walk, steps_of
from millwright.core.version_set_state import SILENT, VersionSetState

UNSEEN = Finding("analysis", "Undecided", "the candidate has got no request yet")


def attempt(spec: DeploymentSpec) -> str:
    """Hash of how a version is tried: a roll-out that is to go otherwise begins at its first step."""
    return short_hash([spec.strategy.manifest(), spec.analysis.manifest() if spec.analysis else None])


def current(observed: DeploymentObserved, target: Target, version_set: str, now: datetime) -> Candidate:
    """The one on record. Where it is to go another way, it begins at its first step now."""
    old, tried = observed.status.candidate, attempt(observed.spec)
    if old is None or old.version_set != version_set:
        fresh = on_record.served(target, version_set, now).model_dump()
        return Candidate(**fresh, attempt=tried, step_since=now)
    if old.attempt != tried:
        return old.model_copy(update={"attempt": tried, "step": 0, "step_since": now, "without_surge": False})
    return old


def walk(observed: DeploymentObserved, candidate: Candidate, hold: Hold | None, now: datetime) -> Walk:
    """Where it is, and what keeps it there."""
    spec, promotion = observed.spec, observed.spec.rollout.promote
    is_promoted = promotion is not None and promotion.version == candidate.version
    return Walk(
        steps=steps_of(spec.strategy),
        index=candidate.step,
        since=candidate.step_since or candidate.since,
        now=now,
        of_all=spec.route is not None or candidate.without_surge,
        promoted=promotion if is_promoted else None,
        verdict=None if spec.analysis is None else observed.verdict or Verdict((UNSEEN,)),
        hold=hold,
    )


def hold(observed: DeploymentObserved, candidate: Candidate) -> Hold | None:
    """Somebody or something that keeps a roll-out at its step."""
    if observed.spec.rollout.paused:
        return Hold("Paused", "spec.rollout.paused keeps it")
    if observed.spec.route is None:
        leaving = observed.leaving(candidate.version_set)
        return Hold("Draining", f"{leaving} pods of versions before it leave first") if leaving else None
    trouble = observed.route_trouble
    return Hold("RouteNotReady", trouble, GATEWAY_SECONDS) if trouble else observed.blind


def moved(candidate: Candidate, step: Step, verdict: Verdict | None, now: datetime) -> Candidate:
    """The record after a step: what it gets now, since when it got anything, and where it goes on."""
    exposed = candidate.exposed_since or (now if step.weight or step.mirror else None)
    changes: dict[str, object] = {"weight": step.weight, "mirror": step.mirror, "exposed_since": exposed}
    changes |= {"findings": _told(verdict)} if verdict else {}
    changes |= {"step": candidate.step + 1, "step_since": now} if step.done else {}
    return candidate.model_copy(update=changes)


def failure(
    observed: DeploymentObserved, candidate: Candidate, state: VersionSetState | None, step: Step, now: datetime
) -> RejectedVersion | None:
    """Why it is given up; None: it goes on."""
    if candidate.exposed_since is not None and observed.verdict is not None and observed.verdict.failed:
        metrics = ", ".join(f.metric for f in observed.verdict.findings if f.state == "Failed")
        return given_up(observed, candidate, "AnalysisFailed", Trouble(metrics, observed.verdict.message), now)
    if state is None:
        return None
    crash = state.crash_since(candidate.exposed_since)
    if crash is not None:
        return given_up(observed, candidate, "CandidateFailed", crash, now)
    limit = timedelta(seconds=observed.spec.progress_deadline_seconds)
    if step.awaits_pods and state.room.is_late(candidate.step_since or candidate.since, limit, now):
        return given_up(observed, candidate, "ProgressDeadlineExceeded", state.trouble or SILENT, now)
    return None


def given_up(
    observed: DeploymentObserved, candidate: Candidate, verdict: str, trouble: Trouble, now: datetime
) -> RejectedVersion:
    """What is remembered of it."""
    return RejectedVersion(
        **on_record.plain(candidate).model_dump(exclude={"since"}),
        since=now,
        attempt=candidate.attempt,
        verdict=verdict,
        progress_deadline_seconds=observed.spec.progress_deadline_seconds,
        reason=trouble.reason[:253],
        message=(trouble.message if verdict == "AnalysisFailed" else str(trouble))[:1000],
    )


def is_same_attempt(observed: DeploymentObserved, rejected: RejectedVersion, version_set: str) -> bool:
    """Whether what is wanted was tried before, and how."""
    asked = (version_set, attempt(observed.spec), observed.spec.progress_deadline_seconds)
    return asked == (rejected.version_set, rejected.attempt, rejected.progress_deadline_seconds)


def _told(verdict: Verdict) -> tuple[MetricFinding, ...]:
    return tuple(MetricFinding(metric=f.metric, state=f.state, message=f.message) for f in verdict.findings)
