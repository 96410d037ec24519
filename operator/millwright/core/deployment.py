"""Deployment, decided: which version set is wanted, when traffic switches, what leaves."""

from datetime import datetime, timedelta

from millwright.api.deployment import MAX_HISTORY, DeploymentStatus, RejectedVersion, ServedVersion
from millwright.core import deployment_actions as actions
from millwright.core import deployment_report as report
from millwright.core import version_set
from millwright.core.actions import DeploymentAction
from millwright.core.deployment_state import DeploymentObserved, Unresolved
from millwright.core.node_pools import InvalidPlacement
from millwright.core.plan import Plan
from millwright.core.pod_state import Trouble
from millwright.core.serving_pod import Platform, Target
from millwright.core.strategies import STRATEGIES
from millwright.core.strategies.rollout import RollOut
from millwright.core.training_state import Missing

# Time for the proxies to have heard of it; Ready must not say yes before a client is answered.
SWITCH_SECONDS = 2.0
POLL_SECONDS = 5.0
# Nobody tells when the last pod is gone, and nothing answers until then.
HOLD_SECONDS = 1.0
WAIT_SECONDS = 15.0
# A watch that lost its history does not tell what was deleted meanwhile: look now and then.
RESYNC_SECONDS = 30.0
SILENT = Trouble("ProgressDeadlineExceeded", "its pods run and are not ready")

DeploymentPlan = Plan[DeploymentAction, DeploymentStatus]


def decide(observed: DeploymentObserved, platform: Platform, now: datetime) -> DeploymentPlan:
    """The next step towards serving what the spec names. Total: every observable state has an answer."""
    target = observed.target
    if isinstance(target, Missing):
        return _without_target(observed, platform, target, now)
    if isinstance(target, Unresolved):
        return _unresolved(observed, platform, target, now)
    try:
        wanted = version_set.name(observed.key, observed.spec, target, platform)
    except InvalidPlacement as error:
        return _without_target(observed, platform, Missing("InvalidPlacement", str(error), final=True), now)
    stable, rejected = observed.status.stable, observed.status.rejected_version
    if stable is not None and stable.version_set == wanted:
        return _serving(observed, stable, target, platform, now)
    if rejected is not None and _is_same_attempt(observed, rejected, wanted):
        return _rejected(observed, platform, rejected, now)
    return _rolling_out(observed, target, wanted, platform, now)


def _without_target(
    observed: DeploymentObserved, platform: Platform, missing: Missing, now: datetime
) -> DeploymentPlan:
    """What serves goes on serving, alone; what is missing is waited for."""
    leaving, _ = actions.leaving(observed, None, now)
    status = report.status(observed, now, report.missing(observed, missing), candidate=None)
    return Plan(status, (*actions.kept(observed, platform, observed.replicas), *leaving), WAIT_SECONDS)


def _unresolved(observed: DeploymentObserved, platform: Platform, why: Unresolved, now: datetime) -> DeploymentPlan:
    """Everything stays as it is, until the registry answers again."""
    status = report.status(observed, now, report.unresolved(observed, why))
    return Plan(status, actions.kept(observed, platform, observed.replicas), WAIT_SECONDS)


def _serving(
    observed: DeploymentObserved, stable: ServedVersion, target: Target, platform: Platform, now: datetime
) -> DeploymentPlan:
    """The wanted version has the traffic: keep it as it should be, and let what served before drain and leave."""
    leaving, soon = actions.leaving(observed, None, now)
    if _is_switching(observed, now):
        facts, again = report.switching(stable), SWITCH_SECONDS
    else:
        facts, again = report.serving(observed, stable), POLL_SECONDS
    good = stable if facts[0].reason == report.SERVING else observed.status.last_known_good
    status = report.status(observed, now, facts, candidate=None, rejected_version=None, last_known_good=good)
    made = actions.made(observed, stable.version_set, target, platform, observed.replicas)
    wait = (soon or RESYNC_SECONDS) if facts[0].status == "True" else again
    return Plan(status, (*made, *actions.around(observed, stable), *leaving), wait)


def _rolling_out(
    observed: DeploymentObserved, target: Target, wanted: str, platform: Platform, now: datetime
) -> DeploymentPlan:
    """As the strategy says, until the candidate's time is over."""
    state = observed.sets.get(wanted)
    others = sum(count for name, count in observed.pods.items() if name != wanted)
    step = STRATEGIES[observed.spec.strategy.type](RollOut(target.version, observed.replicas, state, others))
    starts = state is None and step.candidate is not None
    candidate = _candidate(observed.status.candidate, target, wanted, starts, now)
    if step.promote:
        return _switched(observed, candidate, now)
    if state is not None and now >= candidate.since + timedelta(seconds=observed.spec.progress_deadline_seconds):
        return _rejected(observed, platform, _given_up(observed, candidate, state.trouble or SILENT, now), now)
    kept = actions.kept(observed, platform, step.serving)
    made = actions.made(observed, wanted, target, platform, step.candidate) if step.candidate is not None else ()
    leaving, _ = actions.leaving(observed, wanted, now)
    status = report.status(observed, now, report.rolling_out(step), candidate=candidate, rejected_version=None)
    return Plan(status, (*kept, *made, *leaving), HOLD_SECONDS if step.candidate is None else POLL_SECONDS)


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
    return Plan(status, actions.around(observed, stable), 0.0)


def _rejected(
    observed: DeploymentObserved, platform: Platform, rejected: RejectedVersion, now: datetime
) -> DeploymentPlan:
    """What served before serves alone, or is started again, until another attempt is something else."""
    leaving, drained_in = actions.leaving(observed, None, now)
    kept = actions.kept(observed, platform, observed.replicas)
    facts = report.rejected(observed, rejected)
    status = report.status(observed, now, facts, candidate=None, rejected_version=rejected)
    recovers = observed.serving is not None and not observed.serving.answers(observed.replicas)
    return Plan(status, (*kept, *leaving), drained_in or (POLL_SECONDS if recovers else RESYNC_SECONDS))


def _is_switching(observed: DeploymentObserved, now: datetime) -> bool:
    since = observed.status.draining_since
    return since is not None and (now - since).total_seconds() < SWITCH_SECONDS


def _is_same_attempt(observed: DeploymentObserved, rejected: RejectedVersion, wanted: str) -> bool:
    spec = observed.spec
    asked = (wanted, spec.strategy.type, spec.progress_deadline_seconds)
    return asked == (rejected.version_set, rejected.strategy, rejected.progress_deadline_seconds)


def _candidate(old: ServedVersion | None, target: Target, wanted: str, starts: bool, now: datetime) -> ServedVersion:
    """The one on record. Where its pods are asked for only now, its time begins now."""
    if old is not None and old.version_set == wanted and not starts:
        return old
    return ServedVersion(
        version=target.version,
        version_set=wanted,
        digest=target.digest,
        since=now,
        model=target.model,
        package_uri=target.package_uri,
        gates_passed=target.gates_passed,
        allow_pickle=target.allow_pickle,
    )


def _given_up(
    observed: DeploymentObserved, candidate: ServedVersion, trouble: Trouble, now: datetime
) -> RejectedVersion:
    return RejectedVersion(
        **candidate.model_dump(exclude={"since"}),
        since=now,
        strategy=observed.spec.strategy.type,
        progress_deadline_seconds=observed.spec.progress_deadline_seconds,
        reason=trouble.reason,
        message=str(trouble)[:1000],
    )
