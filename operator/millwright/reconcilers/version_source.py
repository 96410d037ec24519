"""Which package a Deployment serves: from the Model, the registry, or what the Deployment has on record."""

import asyncio
from collections.abc import Sequence

from millwright.api.deployment import ModelReference, ServedVersion
from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import resolution
from millwright.core.deployment_state import Unresolved
from millwright.core.execution import ObjectKey
from millwright.core.model_state import registered_name
from millwright.core.registry import RegisteredVersion
from millwright.core.serving_pod import Target
from millwright.core.training_state import Missing
from millwright.ports import DependencyError, Manifest, Registry


class VersionSource:
    """Versions of one Model, for one look.

    Asks the registry once, and only where that may change something: it serves thousands of Deployments.
    """

    def __init__(self, registry: Registry, key: ObjectKey, body: Manifest | None, has_runtime: bool) -> None:
        """`body`: the Model, or None where there is none. `has_runtime`: the Deployment names a server.

        Raises ValidationError where the Model is wrong.
        """
        self._registry = registry
        self._key = key
        self._has_runtime = has_runtime
        self._is_there = body is not None
        self._spec = ModelSpec.model_validate((body or {}).get("spec") or {})
        self._status = ModelStatus.model_validate((body or {}).get("status") or {})
        self._asked: asyncio.Task[Sequence[RegisteredVersion]] | None = None

    async def find(
        self, reference: ModelReference, settled: ServedVersion | None, record: Sequence[ServedVersion | None]
    ) -> Target | Missing | Unresolved:
        """The version's package, or why there is none.

        `settled`: what answers with all its pods; of that the registry is not asked. `record`: what else the
        Deployment knows, which must do while the registry does not answer.
        """
        if not self._is_there:
            return Missing("ModelNotFound", f"there is no Model {self._key.name} in namespace {self._key.namespace}")
        number, pinned = resolution.number(reference, self._status), reference.version is not None
        if isinstance(number, Missing):
            return number
        known = resolution.recorded(reference.name, number, (settled,), self._status)
        found = resolution.target(self._key, self._spec, (known,), number, pinned, self._has_runtime) if known else None
        if isinstance(found, Target):
            return found
        try:
            versions = await self._versions()
        except DependencyError as error:
            known = resolution.recorded(reference.name, number, record, self._status)
            if known is None:
                return Unresolved(error.reason, str(error))
            versions = (known,)
        return resolution.target(self._key, self._spec, versions, number, pinned, self._has_runtime)

    async def _versions(self) -> Sequence[RegisteredVersion]:
        if self._asked is None:
            asking = self._registry.versions(registered_name(self._key, self._spec))
            self._asked = asyncio.ensure_future(asking)
        return await self._asked
