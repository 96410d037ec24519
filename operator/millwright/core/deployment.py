"""Deployment, decided: which version set is wanted, when traffic switches, what leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from millwright.api.deployment import MAX_HISTORY, DeploymentSpec, DeploymentStatus, ServedVersion
from millwright.core import version_set
from millwright.core.actions import Apply, DeleteVersionSet, DeploymentAction, Scale
from millwright.core.conditions import Fact, merge, ready, stalled, unavailable, working
from millwright.core.execution import ObjectKey
from millwright.core.plan import Plan
from millwright.core.training_state import Missing
from millwright.core.version_set import Platform, Target

# Time for every node's proxy to learn of a switch, before the pods that lost the traffic are told to go.
DRAIN_SECONDS = 5.0
# Time for the proxies to have heard of it; Ready must not say yes before a client is answered.
SWITCH_SECONDS = 2.0
POLL_SECONDS = 5.0
WAIT_SECONDS = 15.0
# A watch that lost its history does not tell what was deleted meanwhile: look now and then.
RESYNC_SECONDS = 30.0


@dataclass(frozen=True)
class VersionSetState:
    """One version set as the cluster shows it."""

    applied: str
    replicas: int
    ready: int
    trouble: str = ""


@dataclass(frozen=True)
class DeploymentObserved:
    """Everything that a decision on a Deployment depends on."""

    key: ObjectKey
    uid: str
    generation: int
    spec: DeploymentSpec
    status: DeploymentStatus
    target: Target | Missing
    sets: Mapping[str, VersionSetState]
    service_applied: str | None = None


DeploymentPlan = Plan[DeploymentAction, DeploymentStatus]


def decide(observed: DeploymentObserved, platform: Platform, now: datetime) -> DeploymentPlan:
    """The next step towards serving what the spec names. Total: every observable state has an answer."""
    if isinstance(observed.target, Missing):
        return _without_target(observed, observed.target, now)
    wanted = version_set.name(observed.key, observed.spec, observed.target, platform)
    stable = observed.status.stable
    if stable is not None and stable.version_set == wanted:
        return _serving(observed, observed.target, platform, now)
    rejected = observed.status.rejected
    if rejected is not None and rejected.version_set == wanted:
        return _rejected(observed, rejected, now)
    return _rolling_out(observed, observed.target, wanted, platform, now)


def _without_target(observed: DeploymentObserved, missing: Missing, now: datetime) -> DeploymentPlan:
    """What serves goes on serving; what is missing is waited for."""
    facts = (stalled if missing.final else working)(missing.reason, missing.message)
    return Plan(_status(observed, now, facts), _scaled(observed), WAIT_SECONDS)


def _serving(observed: DeploymentObserved, target: Target, platform: Platform, now: datetime) -> DeploymentPlan:
    """The stable set is the wanted one: keep it as it should be, and let what served before drain and leave."""
    stable = observed.status.stable
    assert stable is not None
    sets = version_set.manifests(observed.key, observed.uid, observed.spec, target, platform)
    actions: list[DeploymentAction] = [*_changes(observed, stable.version_set, sets), *_switch(observed, stable)]
    leaving, soon = _leaving(observed, {stable.version_set}, now)
    since = observed.status.draining_since
    switching = since is not None and (now - since).total_seconds() < SWITCH_SECONDS
    if switching:
        facts = working("Switching", f"traffic goes to version {stable.version}")
    else:
        facts = _availability(observed, stable)
    status = _status(observed, now, facts, candidate=None, rejected=None)
    steady = RESYNC_SECONDS if facts[0].status == "True" else POLL_SECONDS
    return Plan(status, (*actions, *leaving), SWITCH_SECONDS if switching else soon or steady)


def _rolling_out(
    observed: DeploymentObserved, target: Target, wanted: str, platform: Platform, now: datetime
) -> DeploymentPlan:
    old = observed.status.candidate
    candidate = (
        old
        if old and old.version_set == wanted
        else ServedVersion(version=target.version, version_set=wanted, digest=target.digest, since=now)
    )
    state = observed.sets.get(wanted)
    if state is not None and state.ready >= observed.spec.replicas and state.replicas == observed.spec.replicas:
        return _switched(observed, candidate, now)
    deadline = candidate.since + timedelta(seconds=observed.spec.progress_deadline_seconds)
    if state is not None and now >= deadline:
        return _given_up(observed, candidate, state, now)
    manifests = version_set.manifests(observed.key, observed.uid, observed.spec, target, platform)
    keep = {wanted} | ({observed.status.stable.version_set} if observed.status.stable else set())
    leaving, _ = _leaving(observed, keep, now)
    trouble = f": {state.trouble}" if state and state.trouble else ""
    have = state.ready if state else 0
    message = f"version {candidate.version}: {have} of {observed.spec.replicas} pods answer{trouble}"
    facts = (*working("RollingOut", message), Fact("Progressing", "True", "RollingOut", message))
    status = _status(observed, now, facts, candidate=candidate, rejected=None)
    return Plan(status, (*_scaled(observed), *_changes(observed, wanted, manifests), *leaving), POLL_SECONDS)


def _switched(observed: DeploymentObserved, candidate: ServedVersion, now: datetime) -> DeploymentPlan:
    """All pods of the candidate answer: the traffic goes to them."""
    stable = candidate.model_copy(update={"since": now})
    history = (stable, *observed.status.history)[:MAX_HISTORY]
    facts = working("Switching", f"traffic goes to version {stable.version}")
    status = _status(
        observed, now, facts, stable=stable, candidate=None, rejected=None, draining_since=now, history=history
    )
    return Plan(status, _switch(observed, stable), 0.0)


def _given_up(
    observed: DeploymentObserved, candidate: ServedVersion, state: VersionSetState, now: datetime
) -> DeploymentPlan:
    status = _status(observed, now, _rejection(observed, candidate, state.trouble), candidate=None, rejected=candidate)
    return Plan(status, (*_scaled(observed), DeleteVersionSet(candidate.version_set)), RESYNC_SECONDS)


def _rejected(observed: DeploymentObserved, rejected: ServedVersion, now: datetime) -> DeploymentPlan:
    """Remembered: not tried again until the version, the template or the platform changes."""
    delete = (DeleteVersionSet(rejected.version_set),) if rejected.version_set in observed.sets else ()
    old = [c for c in observed.status.conditions if c.type == "Stalled" and c.status == "True"]
    facts = stalled(old[0].reason, old[0].message) if old else _rejection(observed, rejected, "")
    return Plan(_status(observed, now, facts), (*_scaled(observed), *delete), RESYNC_SECONDS)


def _rejection(observed: DeploymentObserved, rejected: ServedVersion, trouble: str) -> tuple[Fact, ...]:
    stays = observed.status.stable
    kept = f"; version {stays.version} goes on serving" if stays else ""
    why = f" ({trouble})" if trouble else ""
    message = (
        f"version {rejected.version} did not answer within {observed.spec.progress_deadline_seconds} s{why}{kept}; "
        "it is not tried again until the model version or the spec changes"
    )
    return (
        *stalled("ProgressDeadlineExceeded", message),
        Fact("Progressing", "False", "ProgressDeadlineExceeded", message),
    )


def _changes(
    observed: DeploymentObserved, name: str, manifests: tuple[version_set.Manifest, ...]
) -> tuple[DeploymentAction, ...]:
    """Applies the set only where it is not yet, or no longer, what it should be."""
    state = observed.sets.get(name)
    wanted = manifests[0]
    if state and state.applied == version_set.applied(wanted) and state.replicas == observed.spec.replicas:
        return ()
    return tuple(Apply(manifest) for manifest in manifests)


def _scaled(observed: DeploymentObserved) -> tuple[DeploymentAction, ...]:
    """The set that serves has as many pods as asked for, whatever becomes of the version that is wanted."""
    stable = observed.status.stable
    state = observed.sets.get(stable.version_set) if stable else None
    if stable is None or state is None or state.replicas == observed.spec.replicas:
        return ()
    return (Scale(stable.version_set, observed.spec.replicas),)


def _switch(observed: DeploymentObserved, stable: ServedVersion) -> tuple[DeploymentAction, ...]:
    service = version_set.stable_service(observed.key, observed.uid, stable.version_set)
    return () if observed.service_applied == version_set.applied(service) else (Apply(service),)


def _leaving(
    observed: DeploymentObserved, keep: set[str], now: datetime
) -> tuple[tuple[DeploymentAction, ...], float | None]:
    """Sets that may go now, and how soon to look again for those that may not yet."""
    others = sorted(set(observed.sets) - keep)
    if not others:
        return (), None
    since = observed.status.draining_since
    remaining = DRAIN_SECONDS - (now - since).total_seconds() if since else 0.0
    if remaining > 0:
        return (), remaining
    return tuple(DeleteVersionSet(name) for name in others), None


def _availability(observed: DeploymentObserved, stable: ServedVersion) -> tuple[Fact, ...]:
    state = observed.sets.get(stable.version_set)
    have, want = (state.ready if state else 0), observed.spec.replicas
    if want == 0:
        return _scaled_to_zero(stable)
    message = f"version {stable.version}: {have} of {want} pods answer"
    if have >= want:
        return (
            *ready("Serving", message),
            Fact("Available", "True", "Serving", message),
            Fact("Progressing", "False", "Complete", f"version {stable.version} is rolled out"),
        )
    trouble = f": {state.trouble}" if state and state.trouble else ""
    verdict = unavailable("PodsNotReady", message + trouble)
    return (*verdict, Fact("Available", "True" if have else "False", "PodsNotReady", message + trouble))


def _scaled_to_zero(stable: ServedVersion) -> tuple[Fact, ...]:
    """As the spec says, so Ready; but not Available."""
    message = f"scaled to zero: version {stable.version} is kept and does not answer until spec.replicas is raised"
    return (
        *ready("ScaledToZero", message),
        Fact("Available", "False", "ScaledToZero", message),
        Fact("Progressing", "False", "Complete", f"version {stable.version} is rolled out"),
    )


def _status(
    observed: DeploymentObserved, now: datetime, facts: tuple[Fact, ...], **changes: object
) -> DeploymentStatus:
    stable = changes.get("stable", observed.status.stable)
    state = observed.sets.get(stable.version_set) if isinstance(stable, ServedVersion) else None
    values: dict[str, object] = {
        "observed_generation": observed.generation,
        "url": version_set.url(observed.key) if stable else None,
        "replicas": state.replicas if state else 0,
        "ready_replicas": state.ready if state else 0,
        "selector": version_set.selector(observed.key),
        "conditions": merge(observed.status.conditions, facts, observed.generation, now),
    }
    return observed.status.model_copy(update=values | changes)
