"""Deployment: resolves the version, and keeps version sets and the Service that clients use."""

from collections.abc import Collection, Sequence

from millwright.api.deployment import DeploymentSpec, DeploymentStatus
from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import deployment, resolution, version_set
from millwright.core.actions import Apply, DeleteVersionSet, DeploymentAction, Scale
from millwright.core.deployment import DeploymentObserved, VersionSetState
from millwright.core.execution import ObjectKey
from millwright.core.model import registered_name
from millwright.core.plan import Plan
from millwright.core.training_state import Missing
from millwright.core.version_set import Platform, Target
from millwright.ports import APPS, DEPLOYMENTS, MODELS, PODS, SERVICES, Clock, Cluster, Manifest, Registry
from millwright.reconcilers.base import Reconciler

RESOURCES = {"Deployment": APPS, "Service": SERVICES}


class DeploymentReconciler(Reconciler[DeploymentAction, DeploymentStatus]):
    """observe → decide → act → report."""

    resource = DEPLOYMENTS
    status_type = DeploymentStatus

    def __init__(self, cluster: Cluster, clock: Clock, registry: Registry, platform: Platform) -> None:
        super().__init__(cluster, clock)
        self._registry = registry
        self._platform = platform

    async def observe_and_decide(self, key: ObjectKey, body: Manifest) -> Plan[DeploymentAction, DeploymentStatus]:
        status = DeploymentStatus.model_validate(body.get("status") or {})
        if "deletionTimestamp" in body["metadata"]:
            return Plan(status)
        spec = DeploymentSpec.model_validate(body["spec"])
        services = await self._services(key)
        observed = DeploymentObserved(
            key=key,
            uid=body["metadata"]["uid"],
            generation=body["metadata"]["generation"],
            spec=spec,
            status=status,
            target=await self._target(key, spec),
            sets=await self._version_sets(key, services.keys()),
            service_applied=services.get(key.name),
        )
        return deployment.decide(observed, self._platform, self._clock.now())

    async def _target(self, key: ObjectKey, spec: DeploymentSpec) -> Target | Missing:
        body = await self._cluster.get(MODELS, key.namespace, spec.model.name)
        if body is None:
            return Missing("ModelNotFound", f"Model {spec.model.name} is not in namespace {key.namespace} yet")
        model, model_spec = ObjectKey(key.namespace, spec.model.name), ModelSpec.model_validate(body.get("spec") or {})
        number = resolution.number(spec.model, ModelStatus.model_validate(body.get("status") or {}))
        if isinstance(number, Missing):
            return number
        versions = await self._registry.versions(registered_name(model, model_spec))
        return resolution.target(model, model_spec, versions, number, pinned=spec.model.version is not None)

    async def _services(self, key: ObjectKey) -> dict[str, str]:
        """What each Service carries of the manifest it was made from, by its name."""
        found = await self._cluster.list(SERVICES, key.namespace, version_set.selector(key))
        return {service["metadata"]["name"]: _annotation(service) for service in found}

    async def _version_sets(self, key: ObjectKey, services: Collection[str]) -> dict[str, VersionSetState]:
        label = version_set.selector(key)
        pods = await self._cluster.list(PODS, key.namespace, label)
        found = await self._cluster.list(APPS, key.namespace, label)
        return {d["metadata"]["name"]: _state(d, pods, services) for d in found}

    async def act(self, key: ObjectKey, body: Manifest, action: DeploymentAction) -> None:
        match action:
            case Apply(manifest):
                await self._cluster.apply(RESOURCES[manifest["kind"]], manifest)
            case Scale(name, replicas):
                await self._cluster.patch(APPS, key.namespace, name, {"spec": {"replicas": replicas}})
            case DeleteVersionSet(name):
                await self._cluster.delete(SERVICES, key.namespace, name)
                await self._cluster.delete(APPS, key.namespace, name)


def _annotation(body: Manifest) -> str:
    return str(body["metadata"].get("annotations", {}).get(version_set.APPLIED, ""))


def _state(body: Manifest, pods: Sequence[Manifest], services: Collection[str]) -> VersionSetState:
    """A set without its Service is not what was applied."""
    status = body.get("status", {})
    current = status.get("observedGeneration") == body["metadata"]["generation"]
    return VersionSetState(
        applied=_annotation(body) if body["metadata"]["name"] in services else "",
        replicas=body["spec"].get("replicas", 1),
        ready=status.get("availableReplicas", 0) if current else 0,
        trouble=_trouble(body["metadata"]["name"], pods),
    )


def _trouble(set_name: str, pods: Sequence[Manifest]) -> str:
    """The first thing that keeps a pod of the set from answering, in Kubernetes' or the server's own words."""
    for pod in pods:
        if pod["metadata"]["labels"].get(version_set.VERSION_SET_LABEL) == set_name:
            words = _pod_trouble(pod)
            if words:
                return words
    return ""


def _pod_trouble(pod: Manifest) -> str:
    for status in pod.get("status", {}).get("containerStatuses", []):
        ended = status.get("lastState", {}).get("terminated") or status.get("state", {}).get("terminated")
        waiting = status.get("state", {}).get("waiting", {})
        if ended and not status.get("ready"):
            return f"exit code {ended.get('exitCode')}: {ended.get('message', ended.get('reason', '')).strip()[-500:]}"
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message', '')}"
    conditions = pod.get("status", {}).get("conditions", [])
    blocked = next((c for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"), None)
    return f"{blocked.get('reason')}: {blocked.get('message', '')}" if blocked else ""
