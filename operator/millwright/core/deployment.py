"""Deployment, decided: which version set is wanted, when traffic switches, what leaves."""

from datetime import datetime, timedelta

from millwright.api.deployment import MAX_HISTORY, DeploymentStatus, RejectedVersion, ServedVersion
from millwright.core import autoscaling, children, version_set
from millwright.core import deployment_report as report
from millwright.core.actions import Apply, DeleteAutoscaler, DeleteVersionSet, DeploymentAction, Scale
from millwright.core.children import Manifest
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.node_pools import InvalidPlacement
from millwright.core.plan import Plan
from millwright.core.pod_state import Trouble
from millwright.core.serving_pod import Platform, Target
from millwright.core.strategies import STRATEGIES
from millwright.core.strategies.rollout import RollOut
from millwright.core.training_state import Missing

# Time for every node's proxy to learn of a switch, before the pods that lost the traffic are told to go.
DRAIN_SECONDS = 5.0
# Time for the proxies to have heard of it; Ready must not say yes before a client is answered.
SWITCH_SECONDS = 2.0
POLL_SECONDS = 5.0
# Nobody tells when the last pod is gone, and nothing answers until then.
HOLD_SECONDS = 1.0
WAIT_SECONDS = 15.0
SILENT = Trouble("ProgressDeadlineExceeded", "its pods run and are not ready")

DeploymentPlan = Plan[DeploymentAction, DeploymentStatus]
Actions = tuple[DeploymentAction, ...]


def decide(observed: DeploymentObserved, platform: Platform, now: datetime) -> DeploymentPlan:
    """The next step towards serving what the spec names. Total: every observable state has an answer."""
    target = observed.target
    if isinstance(target, Missing):
        return _without_target(observed, target, now)
    try:
        wanted = version_set.name(observed.key, observed.spec, target, platform)
    except InvalidPlacement as error:
        return _without_target(observed, Missing("InvalidPlacement", str(error), final=True), now)
    stable, rejected = observed.status.stable, observed.status.rejected_version
    if stable is not None and stable.version_set == wanted:
        return _serving(observed, stable, target, platform, now)
    if rejected is not None and _is_same_attempt(observed, rejected, wanted):
        return _rejected(observed, rejected, now)
    return _rolling_out(observed, target, wanted, platform, now)


def _without_target(observed: DeploymentObserved, missing: Missing, now: datetime) -> DeploymentPlan:
    """What serves goes on serving, alone; what is missing is waited for."""
    leaving, _ = _leaving(observed, None, now)
    status = report.status(observed, now, report.missing(observed, missing), candidate=None)
    return Plan(status, (*_kept(observed, observed.replicas), *leaving), WAIT_SECONDS)


def _serving(
    observed: DeploymentObserved, stable: ServedVersion, target: Target, platform: Platform, now: datetime
) -> DeploymentPlan:
    """The wanted version has the traffic: keep it as it should be, and let what served before drain and leave."""
    leaving, soon = _leaving(observed, None, now)
    if _is_switching(observed, now):
        facts, again = report.switching(stable), SWITCH_SECONDS
    else:
        facts, again = report.serving(observed, stable), POLL_SECONDS
    good = stable if facts[0].reason == "Serving" else observed.status.last_known_good
    status = report.status(observed, now, facts, candidate=None, rejected_version=None, last_known_good=good)
    made = _made(observed, stable.version_set, target, platform, observed.replicas)
    wait = soon if facts[0].status == "True" else again
    return Plan(status, (*made, *_around(observed, stable), *leaving), wait)


def _rolling_out(
    observed: DeploymentObserved, target: Target, wanted: str, platform: Platform, now: datetime
) -> DeploymentPlan:
    """As the strategy says. The candidate's time runs from when its pods are first asked for."""
    state, old = observed.sets.get(wanted), observed.status.candidate
    others = sum(count for name, count in observed.pods.items() if name != wanted)
    step = STRATEGIES[observed.spec.strategy.type](RollOut(target.version, observed.replicas, state, others))
    goes_on = old is not None and old.version_set == wanted and (state is not None or step.candidate is None)
    candidate = old if old is not None and goes_on else _candidate(target, wanted, now)
    if step.promote:
        return _switched(observed, candidate, now)
    if state is not None and now >= candidate.since + timedelta(seconds=observed.spec.progress_deadline_seconds):
        return _rejected(observed, _given_up(observed, candidate, state.trouble or SILENT, now), now)
    held = step.candidate is None
    made = () if step.candidate is None else _made(observed, wanted, target, platform, step.candidate)
    leaving, _ = _leaving(observed, wanted, now)
    status = report.status(observed, now, report.rolling_out(step), candidate=candidate, rejected_version=None)
    return Plan(status, (*_kept(observed, step.serving), *made, *leaving), HOLD_SECONDS if held else POLL_SECONDS)


def _switched(observed: DeploymentObserved, candidate: ServedVersion, now: datetime) -> DeploymentPlan:
    """All pods of the candidate answer: the traffic goes to them."""
    stable = candidate.model_copy(update={"since": now})
    status = report.status(
        observed,
        now,
        report.switching(stable),
        stable=stable,
        candidate=None,
        rejected_version=None,
        draining_since=now,
        history=(stable, *observed.status.history)[:MAX_HISTORY],
    )
    return Plan(status, _around(observed, stable), 0.0)


def _rejected(observed: DeploymentObserved, rejected: RejectedVersion, now: datetime) -> DeploymentPlan:
    """What served before serves alone, or is started again, until another attempt is something else."""
    leaving, drained_in = _leaving(observed, None, now)
    facts = report.rejected(observed, rejected)
    status = report.status(observed, now, facts, candidate=None, rejected_version=rejected)
    serving = observed.serving
    recovers = serving is not None and not serving.answers(observed.replicas)
    soon = drained_in or (POLL_SECONDS if recovers else None)
    return Plan(status, (*_kept(observed, observed.replicas), *leaving), soon)


def _is_switching(observed: DeploymentObserved, now: datetime) -> bool:
    since = observed.status.draining_since
    return since is not None and (now - since).total_seconds() < SWITCH_SECONDS


def _is_same_attempt(observed: DeploymentObserved, rejected: RejectedVersion, wanted: str) -> bool:
    spec = observed.spec
    asked = (wanted, spec.strategy.type, spec.progress_deadline_seconds)
    return asked == (rejected.version_set, rejected.strategy, rejected.progress_deadline_seconds)


def _given_up(
    observed: DeploymentObserved, candidate: ServedVersion, trouble: Trouble, now: datetime
) -> RejectedVersion:
    return RejectedVersion(
        version=candidate.version,
        version_set=candidate.version_set,
        digest=candidate.digest,
        strategy=observed.spec.strategy.type,
        progress_deadline_seconds=observed.spec.progress_deadline_seconds,
        since=now,
        reason=trouble.reason,
        message=str(trouble)[:1000],
    )


def _candidate(target: Target, wanted: str, now: datetime) -> ServedVersion:
    return ServedVersion(
        version=target.version,
        version_set=wanted,
        digest=target.digest,
        since=now,
        model=target.model,
        package_uri=target.package_uri,
        gates_passed=target.gates_passed,
    )


def _kept(observed: DeploymentObserved, replicas: int) -> Actions:
    """The version that has the traffic keeps it, with so many pods."""
    stable = observed.status.stable
    return (*(_scaled(observed, stable.version_set, replicas) if stable else ()), *_around(observed, stable))


def _made(observed: DeploymentObserved, name: str, target: Target, platform: Platform, replicas: int) -> Actions:
    """The version set is what it should be, with so many pods."""
    sets = version_set.manifests(observed.key, observed.uid, observed.spec, target, platform, replicas)
    state = observed.sets.get(name)
    if state is None or state.applied != children.applied(sets[0]):
        return tuple(Apply(manifest) for manifest in sets)
    return _scaled(observed, name, replicas)


def _scaled(observed: DeploymentObserved, name: str, replicas: int) -> Actions:
    state = observed.sets.get(name)
    return () if state is None or state.replicas == replicas else (Scale(name, replicas),)


def _around(observed: DeploymentObserved, stable: ServedVersion | None) -> Actions:
    """The Service that sends the traffic there, and the autoscaler."""
    wanted: list[Manifest] = []
    if stable is not None:
        wanted.append(version_set.stable_service(observed.key, observed.uid, stable.version_set))
    if observed.spec.autoscaling is not None:
        wanted.append(autoscaling.manifest(observed.key, observed.uid, observed.spec.autoscaling))
    there = (observed.service_applied, observed.autoscaler_applied)
    changes = tuple(Apply(manifest) for manifest in wanted if children.applied(manifest) not in there)
    is_over = observed.spec.autoscaling is None and observed.autoscaler_applied is not None
    return (*changes, *((DeleteAutoscaler(),) if is_over else ()))


def _leaving(observed: DeploymentObserved, candidate: str | None, now: datetime) -> tuple[Actions, float | None]:
    """Sets beside these two that may go now, and how soon to look again for those that may not yet."""
    stable = observed.status.stable
    others = sorted(set(observed.sets) - {candidate, stable.version_set if stable else None})
    if not others:
        return (), None
    since = observed.status.draining_since
    remaining = DRAIN_SECONDS - (now - since).total_seconds() if since else 0.0
    if remaining > 0:
        return (), remaining
    return tuple(DeleteVersionSet(name) for name in others), None
