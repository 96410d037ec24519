"""What a Deployment's version sets, Service and autoscaler lack of what they should be."""

from datetime import datetime

from millwright.api.deployment import ServedVersion
from millwright.api.experiment import Cookie
from millwright.core import autoscaling, children, on_record, version_set
from millwright.core import traffic as traffic_of
from millwright.core.actions import Apply, DeleteAutoscaler, DeleteRoute, DeleteVersionSet, DeploymentAction, Scale
from millwright.core.children import Manifest
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.node_pools import InvalidPlacement
from millwright.core.route_state import GATEWAY_SECONDS
from millwright.core.serving_pod import Platform, Target
from millwright.core.traffic import Share, Traffic

# Time for every node's proxy to learn of a switch, before the pods that lost the traffic are told to go.
DRAIN_SECONDS = 5.0
Actions = tuple[DeploymentAction, ...]


def made(observed: DeploymentObserved, name: str, target: Target, platform: Platform, replicas: int) -> Actions:
    """The version set is as the spec says, with so many pods."""
    sets = version_set.manifests(observed.key, observed.uid, observed.spec, target, platform, replicas)
    state = observed.sets.get(name)
    if state is None or state.applied != children.applied(sets[0]):
        return tuple(Apply(manifest) for manifest in sets)
    return () if state.replicas == replicas else (Scale(name, replicas),)


def kept(observed: DeploymentObserved, platform: Platform, replicas: int, traffic: Traffic | None = None) -> Actions:
    """The version that has the traffic keeps it, with so many pods, whatever the spec says of other versions.

    `traffic`: what others get of it; None: nothing.
    """
    stable, state = observed.status.stable, observed.serving
    if stable is None:
        return around(observed, None)
    shared = traffic or Traffic(stable)
    if state is None:
        return (*_made_again(observed, stable, platform, replicas), *around(observed, shared))
    scaled = () if state.replicas == replicas else (Scale(stable.version_set, replicas),)
    return (*scaled, *around(observed, shared))


def traffic(observed: DeploymentObserved) -> Traffic | None:
    """Who gets requests, as it is on record."""
    stable, candidate, experiment = observed.status.stable, observed.status.candidate, observed.status.experiment
    if stable is None:
        return None
    shares = (Share(candidate, candidate.weight, candidate.mirror),) if candidate else ()
    arms = tuple(Share(arm, arm.weight) for arm in experiment.arms if arm.replicas) if experiment else ()
    return Traffic(stable, (*shares, *arms), _cookie(observed) if any(arm.weight for arm in arms) else None)


def _cookie(observed: DeploymentObserved) -> Cookie | None:
    """By which clients stay with an arm."""
    asked = observed.spec.strategy.experiment
    return asked.assignment.cookie if asked is not None and asked.assignment is not None else None


def around(observed: DeploymentObserved, traffic: Traffic | None) -> Actions:
    """The Service and the HTTPRoute that send the traffic there, and the autoscaler."""
    key, uid, spec = observed.key, observed.uid, observed.spec
    wanted: list[Manifest] = []
    if traffic is not None:
        wanted.append(traffic_of.service(key, uid, traffic, spec.route is not None))
    if spec.autoscaling is not None:
        wanted.append(autoscaling.manifest(key, uid, spec.autoscaling))
    there = (observed.service_applied, observed.autoscaler_applied)
    changes = tuple(Apply(manifest) for manifest in wanted if children.applied(manifest) not in there)
    is_over = spec.autoscaling is None and observed.autoscaler_applied is not None
    return (*changes, *_route(observed, traffic), *((DeleteAutoscaler(),) if is_over else ()))


def _route(observed: DeploymentObserved, traffic: Traffic | None) -> Actions:
    if observed.spec.route is None:
        return (DeleteRoute(),) if observed.route is not None else ()
    if traffic is None:
        return ()
    wanted = traffic_of.http_route(observed.key, observed.uid, observed.spec.route, traffic)
    return () if observed.route is not None and observed.route.is_as(wanted) else (Apply(wanted),)


def leaving(observed: DeploymentObserved, candidate: str | None, now: datetime) -> tuple[Actions, float | None]:
    """Sets of no version that is wanted which may go now, and how soon to look again for the others."""
    stable, experiment = observed.status.stable, observed.status.experiment
    arms = {arm.version_set for arm in experiment.arms if arm.replicas} if experiment else set()
    others = sorted(set(observed.sets) - arms - {candidate, stable.version_set if stable else None})
    if not others:
        return (), None
    if observed.route_trouble:  # the Gateway may still send requests as it did before
        return (), GATEWAY_SECONDS
    since = observed.status.draining_since
    remaining = DRAIN_SECONDS - (now - since).total_seconds() if since else 0.0
    if remaining > 0:
        return (), remaining
    return tuple(DeleteVersionSet(name) for name in others), None


def _made_again(observed: DeploymentObserved, stable: ServedVersion, platform: Platform, replicas: int) -> Actions:
    """The set that has the traffic was deleted: from what is on record, where the spec's pods are still the same."""
    target = on_record.target(stable)
    try:
        same = version_set.name(observed.key, observed.spec, target, platform) == stable.version_set
    except InvalidPlacement:
        return ()
    return made(observed, stable.version_set, target, platform, replicas) if same else ()
