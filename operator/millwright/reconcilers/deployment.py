"""Deployment: keeps version sets, the Service that clients use, and the autoscaler."""

from collections.abc import Callable

from millwright import telemetry
from millwright.api.deployment import DeploymentSpec, DeploymentStatus, ModelReference, ServedVersion
from millwright.core import autoscaling, children, deployment, route_state, version_set, version_set_state
from millwright.core.actions import (
    Apply,
    DeleteAutoscaler,
    DeleteRoute,
    DeleteVersionSet,
    DeploymentAction,
    Scale,
)
from millwright.core.analysis.verdict import Verdict
from millwright.core.children import applied
from millwright.core.deployment_state import DeploymentObserved, Unresolved
from millwright.core.execution import ObjectKey
from millwright.core.experiments.tally import Tally
from millwright.core.plan import Plan
from millwright.core.serving_pod import Platform, Target
from millwright.core.strategies.walk import Hold
from millwright.core.training_state import Missing
from millwright.core.version_set_state import VersionSetState
from millwright.ports import (
    APPS,
    AUTOSCALERS,
    DEPLOYMENTS,
    HTTP_ROUTES,
    MODELS,
    PODS,
    SERVICES,
    AbsentError,
    Clock,
    Cluster,
    DependencyError,
    Manifest,
    Measurements,
    Registry,
    RejectedError,
)
from millwright.reconcilers.analyst import Analyst
from millwright.reconcilers.base import Reconciler
from millwright.reconcilers.object_cache import ObjectCache, Reader
from millwright.reconcilers.tally_source import TallySource
from millwright.reconcilers.together import together
from millwright.reconcilers.version_source import VersionSource

RESOURCES = {
    "Deployment": APPS,
    "Service": SERVICES,
    "HorizontalPodAutoscaler": AUTOSCALERS,
    "HTTPRoute": HTTP_ROUTES,
}


PERSISTENCE, UNKNOWN_FIELD = "sessionPersistence", "field not declared in schema"
NOT_STICKY = (
    "the cluster's Gateway API has no sessionPersistence: install its experimental channel, or take out "
    "spec.strategy.experiment.assignment"
)


class DeploymentReconciler(Reconciler[DeploymentAction, DeploymentStatus]):
    """observe → decide → act → report."""

    resource = DEPLOYMENTS
    status_type = DeploymentStatus

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        cache: ObjectCache,
        registry: Registry,
        platform: Callable[[], Platform],
        measurements: Measurements,
    ) -> None:
        super().__init__(cluster, clock, cache)
        self._analyst = Analyst(measurements, clock)
        self._tallies = TallySource(measurements, clock, self._analyst)
        self._registry = registry
        self._platform = platform

    async def observe_and_decide(
        self, key: ObjectKey, body: Manifest, reader: Reader
    ) -> Plan[DeploymentAction, DeploymentStatus]:
        status = DeploymentStatus.model_validate(body.get("status") or {})
        if "deletionTimestamp" in body["metadata"]:
            return Plan(status)
        spec, uid = DeploymentSpec.model_validate(body["spec"]), body["metadata"]["uid"]
        label, model = version_set.selector(key), ObjectKey(key.namespace, spec.model.name)
        named, services, autoscaler, sets, pods, route, judged, tally = await together(
            reader.get(MODELS, model),
            self._cluster.list(SERVICES, key.namespace, label),
            self._cluster.get(AUTOSCALERS, key.namespace, key.name),
            self._cluster.list(APPS, key.namespace, label),
            self._cluster.list(PODS, key.namespace, label),
            self._route(key, spec, status),
            self._analyst.judge(key, spec, status),
            self._tallies.read(key, spec, status),
        )
        made = {service["metadata"]["name"]: applied(service) for service in services}
        states = version_set_state.read(sets, pods, made)
        versions = VersionSource(self._registry, model, named, spec.runtime is not None)
        settled, record = _settled(spec, status, states), (status.stable, status.candidate, status.rejected_version)
        observed = DeploymentObserved(
            key=key,
            uid=uid,
            generation=body["metadata"]["generation"],
            spec=spec,
            status=status,
            target=await versions.find(spec.model, settled, record),
            arms=await _arms(versions, spec, status, states),
            sets=states,
            pods=version_set_state.holding(pods),
            service_applied=made.get(key.name),
            autoscaler_applied=applied(autoscaler) if autoscaler and children.is_of(uid, autoscaler) else None,
            route=route_state.read(route),
            verdict=judged if isinstance(judged, Verdict) else None,
            blind=next((one for one in (judged, tally) if isinstance(one, Hold)), None),
            tally=tally if isinstance(tally, Tally) else None,
        )
        return deployment.decide(observed, self._platform(), self._clock.now())

    async def _route(self, key: ObjectKey, spec: DeploymentSpec, status: DeploymentStatus) -> Manifest | None:
        """Asked only where there may be one: the cluster may not have Gateway API."""
        if spec.route is None and not status.routed:
            return None
        return await self._cluster.get(HTTP_ROUTES, key.namespace, key.name)

    async def act(self, key: ObjectKey, body: Manifest, action: DeploymentAction) -> None:
        match action:
            case Apply(manifest) if manifest["kind"] == "HTTPRoute":
                await self._apply_route(manifest)
            case Apply(manifest):
                await self._cluster.apply(RESOURCES[manifest["kind"]], manifest)
            case Scale(name, replicas):
                await self._cluster.patch(APPS, key.namespace, name, {"spec": {"replicas": replicas}})
            case DeleteVersionSet(name):
                await self._cluster.delete(SERVICES, key.namespace, name)
                await self._cluster.delete(APPS, key.namespace, name)
            case DeleteAutoscaler():
                await self._cluster.delete(AUTOSCALERS, key.namespace, key.name)
            case DeleteRoute():
                await self._cluster.delete(HTTP_ROUTES, key.namespace, key.name)

    def reported(self, body: Manifest, before: DeploymentStatus, status: DeploymentStatus) -> None:
        labels = (body["metadata"]["namespace"], body["metadata"]["name"])
        if status.stable != before.stable:
            telemetry.ROLLOUTS.labels(*labels, "Promoted").inc()
        if status.rejected_version is not None and status.rejected_version != before.rejected_version:
            telemetry.ROLLOUTS.labels(*labels, status.rejected_version.verdict).inc()

    async def _apply_route(self, manifest: Manifest) -> None:
        try:
            await self._cluster.apply(HTTP_ROUTES, manifest)
        except DependencyError as error:
            if UNKNOWN_FIELD in str(error) and PERSISTENCE in str(error):
                raise RejectedError(NOT_STICKY) from error
            raise
        except AbsentError as error:
            message = "the cluster has no Gateway API: install its HTTPRoute and a Gateway, or take out spec.route"
            raise RejectedError(message) from error


async def _arms(
    versions: VersionSource, spec: DeploymentSpec, status: DeploymentStatus, states: dict[str, VersionSetState]
) -> tuple[Target | Missing | Unresolved, ...]:
    """What each arm of an experiment is to serve."""
    known = {arm.name: arm for arm in status.experiment.arms} if status.experiment else {}
    asked = spec.strategy.experiment.arms if spec.strategy.experiment else ()
    finds = []
    for arm in asked:
        record = known.get(arm.name)
        answers = record is not None and record.version_set in states and states[record.version_set].ready > 0
        reference = ModelReference(name=spec.model.name, version=arm.version, alias=arm.alias)
        finds.append(versions.find(reference, record if answers else None, (record,)))
    return await together(*finds)


def _settled(
    spec: DeploymentSpec, status: DeploymentStatus, states: dict[str, VersionSetState]
) -> ServedVersion | None:
    """What has the traffic, where it answers with all its pods."""
    state = states.get(status.stable.version_set) if status.stable else None
    return status.stable if state is not None and state.answers(autoscaling.replicas(spec)) else None
