"""Which package a Deployment serves: from the Model, the registry, or what the Deployment has on record."""

from collections.abc import Sequence

from millwright.api.deployment import ModelReference, ServedVersion
from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import resolution
from millwright.core.deployment_state import Unresolved
from millwright.core.execution import ObjectKey
from millwright.core.model_state import registered_name
from millwright.core.serving_pod import Target
from millwright.core.training_state import Missing
from millwright.ports import MODELS, Cluster, DependencyError, Registry


class VersionSource:
    """Asks the registry only where that may change something: it serves thousands of Deployments."""

    def __init__(self, cluster: Cluster, registry: Registry) -> None:
        self._cluster = cluster
        self._registry = registry

    async def find(
        self,
        namespace: str,
        reference: ModelReference,
        settled: ServedVersion | None,
        record: Sequence[ServedVersion | None],
        has_runtime: bool = False,
    ) -> Target | Missing | Unresolved:
        """The version's package, or why there is none.

        `settled`: what answers with all its pods; of that the registry is not asked. `record`: what else the
        Deployment knows, which must do while the registry does not answer. `has_runtime`: it names a server.
        """
        key = ObjectKey(namespace, reference.name)
        body = await self._cluster.get(MODELS, namespace, reference.name)
        if body is None:
            return Missing("ModelNotFound", f"there is no Model {reference.name} in namespace {namespace}")
        spec = ModelSpec.model_validate(body.get("spec") or {})
        status = ModelStatus.model_validate(body.get("status") or {})
        number, pinned = resolution.number(reference, status), reference.version is not None
        if isinstance(number, Missing):
            return number
        known = resolution.recorded(reference.name, number, (settled,), status)
        found = resolution.target(key, spec, (known,), number, pinned, has_runtime) if known else None
        if isinstance(found, Target):
            return found
        try:
            versions = await self._registry.versions(registered_name(key, spec))
        except DependencyError as error:
            known = resolution.recorded(reference.name, number, record, status)
            if known is None:
                return Unresolved(error.reason, str(error))
            versions = (known,)
        return resolution.target(key, spec, versions, number, pinned, has_runtime)
