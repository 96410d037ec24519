"""Which package a Deployment serves: from the Model, the registry, or what the Deployment has on record."""

from collections.abc import Sequence

from millwright.api.deployment import ModelReference, ServedVersion
from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import resolution
from millwright.core.execution import ObjectKey
from millwright.core.model import registered_name
from millwright.core.registry import RegisteredVersion
from millwright.core.serving_pod import Target
from millwright.core.training_state import Missing
from millwright.ports import MODELS, Cluster, DependencyError, Registry


class VersionSource:
    """Asks the registry only where that may change something: it serves thousands of Deployments."""

    def __init__(self, cluster: Cluster, registry: Registry) -> None:
        self._cluster = cluster
        self._registry = registry

    async def find(
        self, namespace: str, reference: ModelReference, record: Sequence[ServedVersion | None], settled: bool
    ) -> Target | Missing:
        """The version's package, or why there is none.

        `record`: what the Deployment serves, or is about to. `settled`: what serves answers with all its pods.
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
        known = resolution.recorded(reference.name, number, record, status)
        if known is not None and settled:
            found = resolution.target(key, spec, (known,), number, pinned)
            if isinstance(found, Target):
                return found
        versions = await self._versions(registered_name(key, spec), known)
        return resolution.target(key, spec, versions, number, pinned)

    async def _versions(self, name: str, known: RegisteredVersion | None) -> Sequence[RegisteredVersion]:
        """While the registry does not answer, what is on record must do."""
        try:
            return await self._registry.versions(name)
        except DependencyError:
            if known is None:
                raise
            return (known,)
