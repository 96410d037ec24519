"""Deployment, decided: which version set is wanted, when traffic switches, what leaves."""

from dataclasses import replace
from datetime import datetime

from millwright.api.deployment import MAX_HISTORY, Candidate, DeploymentStatus, RejectedVersion, ServedVersion
from millwright.core import candidates, experimenting, on_record, surge, version_set
from millwright.core import deployment_actions as actions
from millwright.core import deployment_report as report
from millwright.core.actions import DeploymentAction
from millwright.core.deployment_state import DeploymentObserved, Unresolved
from millwright.core.node_pools import InvalidPlacement
from millwright.core.plan import Plan
from millwright.core.serving_pod import Platform, Target
from millwright.core.strategies import STRATEGIES
from millwright.core.strategies.rollout import RollOut, Step
from millwright.core.strategies.walk import Hold, steps_of
from millwright.core.traffic import Traffic
from millwright.core.training_state import Missing

# Time for the proxies to have heard of it; Ready must not say yes before a client is answered.
SWITCH_SECONDS = 2.0
POLL_SECONDS = 5.0
# Nobody tells when the last pod is gone, and nothing answers until then.
HOLD_SECONDS = 1.0
WAIT_SECONDS = 15.0
# A watch that lost its history does not tell what was deleted meanwhile: look now and then.
RESYNC_SECONDS = 60.0

DeploymentPlan = Plan[DeploymentAction, DeploymentStatus]


def decide(observed: DeploymentObserved, platform: Platform, now: datetime) -> DeploymentPlan:
    """The next step towards serving what the spec names. Total: every observable state has an answer."""
    target, is_asked = observed.target, observed.spec.strategy.experiment is not None
    observed = observed if is_asked else experimenting.ended(observed, now)
    if isinstance(target, Missing):
        return _without_target(observed, platform, target, now)
    if isinstance(target, Unresolved):
        return _unresolved(observed, platform, target, now)
    if target.version in observed.spec.rollout.abort:
        return _aborted(observed, platform, target, now)
    return _towards(observed, target, platform, now)


def _towards(
    observed: DeploymentObserved, target: Target, platform: Platform, now: datetime, at_once: bool = False
) -> DeploymentPlan:
    """`at_once`: without the steps that the strategy may have."""
    try:
        wanted = version_set.name(observed.key, observed.spec, target, platform)
    except InvalidPlacement as error:
        return _without_target(observed, platform, Missing("InvalidPlacement", str(error), final=True), now)
    observed = _without_another_candidate(observed, wanted, now)
    stable = observed.status.stable
    if stable is not None and stable.version_set == wanted:
        return _serving(observed, stable, target, platform, now)
    observed = experimenting.ended(observed, now)
    rejected = observed.status.rejected_version
    if rejected is not None and candidates.is_same_attempt(observed, rejected, wanted):
        return _rejected(observed, platform, rejected, now)
    return _rolling_out(observed, target, wanted, platform, now, at_once)


def _without_another_candidate(observed: DeploymentObserved, wanted: str | None, now: datetime) -> DeploymentObserved:
    """A candidate that is not wanted any more loses what it got; its pods drain, as those of what served before."""
    candidate = observed.status.candidate
    if candidate is None or candidate.version_set == wanted:
        return observed
    had_requests = bool(candidate.weight or candidate.mirror)
    status = on_record.changed(observed.status, had_requests, now, candidate=None)
    return replace(observed, status=status, verdict=None)


def _aborted(observed: DeploymentObserved, platform: Platform, target: Target, now: datetime) -> DeploymentPlan:
    """Somebody does not want the version to be served: what serves stays, or what served before comes back."""
    aborted, stable = observed.spec.rollout.abort, observed.status.stable
    instead = next((v for v in observed.status.history if v.version not in aborted), None)
    if stable is not None and stable.version in aborted and instead is not None:
        return _towards(observed, on_record.target(instead), platform, now, at_once=True)
    message = f"version {target.version} is in spec.rollout.abort: take it out, or have another version named"
    return _without_target(observed, platform, Missing("Aborted", message, final=True), now)


def _without_target(
    observed: DeploymentObserved, platform: Platform, missing: Missing, now: datetime
) -> DeploymentPlan:
    """What serves goes on serving, alone; what is missing is waited for."""
    observed = _without_another_candidate(observed, None, now)
    leaving, _ = actions.leaving(observed, None, now)
    status = report.status(observed, now, report.missing(observed, missing), candidate=None)
    kept = actions.kept(observed, platform, observed.replicas, actions.traffic(observed))
    return Plan(status, (*kept, *leaving), WAIT_SECONDS)


def _unresolved(observed: DeploymentObserved, platform: Platform, why: Unresolved, now: datetime) -> DeploymentPlan:
    """Everything stays as it is, until the registry answers again."""
    status = report.status(observed, now, report.unresolved(observed, why))
    candidate, serving = observed.status.candidate, observed.serving
    pods = serving.replicas if serving and candidate and candidate.without_surge else observed.replicas
    return Plan(status, actions.kept(observed, platform, pods, actions.traffic(observed)), WAIT_SECONDS)


def _serving(
    observed: DeploymentObserved, stable: ServedVersion, target: Target, platform: Platform, now: datetime
) -> DeploymentPlan:
    """The wanted version has the traffic: keep it as it should be, and let what served before drain and leave."""
    if _is_switching(observed, now):
        facts, again = report.switching(stable), SWITCH_SECONDS
    else:
        facts, again = report.serving(observed, stable), POLL_SECONDS
    good = stable if facts[0].reason == report.SERVING else observed.status.last_known_good
    made = actions.made(observed, stable.version_set, target, platform, observed.replicas)
    observed, facts, arms = experimenting.step(observed, stable, platform, facts, now)
    leaving, soon = actions.leaving(observed, None, now)
    status = report.status(observed, now, facts, candidate=None, rejected_version=None, last_known_good=good)
    wait = (soon or _resync(observed)) if facts[0].status == "True" else again
    return Plan(status, (*made, *arms, *actions.around(observed, actions.traffic(observed)), *leaving), wait)


def _resync(observed: DeploymentObserved) -> float:
    experiment = observed.spec.strategy.experiment
    return min(RESYNC_SECONDS, float(experiment.interval_seconds)) if experiment else RESYNC_SECONDS


def _rolling_out(
    observed: DeploymentObserved, target: Target, wanted: str, platform: Platform, now: datetime, at_once: bool
) -> DeploymentPlan:
    """As the strategy says, until the candidate has all of the traffic, or has failed."""
    state, kind = observed.sets.get(wanted), _kind(observed, at_once)
    candidate = candidates.current(observed, target, wanted, now)
    hold = candidates.hold(observed, candidate)
    candidate = surge.noted(observed, candidate, kind, hold, now)
    step = _step(observed, candidate, kind, hold, now)
    if state is None and step.candidate is not None:
        candidate = candidate.model_copy(update={"since": now, "step_since": now})
    failure = candidates.failure(observed, candidate, state, step, now)
    if failure is not None:
        return _rejected(_without_another_candidate(observed, None, now), platform, failure, now)
    if step.promote:
        return _switched(observed, candidate, now)
    return _going_on(observed, platform, target, candidates.moved(candidate, step, observed.verdict, now), step, now)


def _kind(observed: DeploymentObserved, at_once: bool) -> str:
    """The strategy by which it goes. Where nothing serves, or no pods are asked for, there is nothing to weigh."""
    strategy = observed.spec.strategy
    plain = at_once or observed.status.stable is None or observed.replicas == 0
    return "RollingUpdate" if plain and steps_of(strategy) else strategy.type


def _step(observed: DeploymentObserved, candidate: Candidate, kind: str, hold: Hold | None, now: datetime) -> Step:
    """What the strategy wants."""
    name, walk = candidate.version_set, candidates.walk(observed, candidate, hold, now)
    room = surge.surge(observed, candidate, kind, hold, now)
    seen = RollOut(candidate.version, observed.replicas, observed.sets.get(name), observed.others(name), walk, room)
    return STRATEGIES[kind](seen)


def _going_on(
    observed: DeploymentObserved, platform: Platform, target: Target, candidate: Candidate, step: Step, now: datetime
) -> DeploymentPlan:
    """The candidate gets what its step gives it, and what serves has the rest."""
    there = replace(observed, status=observed.status.model_copy(update={"candidate": candidate}))
    kept = actions.kept(there, platform, step.serving, actions.traffic(there))
    pods, name = step.candidate, candidate.version_set
    made = actions.made(observed, name, target, platform, pods) if pods is not None else ()
    leaving, _ = actions.leaving(observed, name, now)
    status = report.status(there, now, report.rolling_out(step), rejected_version=None)
    return Plan(status, (*kept, *made, *leaving), _again(observed, candidate, step))


def _again(observed: DeploymentObserved, candidate: Candidate, step: Step) -> float:
    """Seconds until something may be otherwise."""
    if step.done:
        return 0.0
    if step.candidate is None:
        return HOLD_SECONDS
    analysis = observed.spec.analysis if candidate.exposed_since else None
    waits = (step.wait, float(analysis.interval_seconds) if analysis else None)
    return min((POLL_SECONDS, *(wait for wait in waits if wait is not None)))


def _switched(observed: DeploymentObserved, candidate: Candidate, now: datetime) -> DeploymentPlan:
    """All pods of the candidate answer: the traffic goes to them."""
    stable = on_record.plain(candidate).model_copy(update={"since": now})
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
    return Plan(status, actions.around(observed, Traffic(stable)), 0.0)


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
