"""Where a replay's copy comes from: the ConfigMap beside the execution while that is there; then S3.

Everything is looked for in the TrainingRun's own namespace: what tags say, training code may have written.
"""

from collections.abc import Callable, Mapping

from millwright.api.training_inputs import ReplayOf
from millwright.core import imports, records
from millwright.core.execution import Original, TrackedRun, original
from millwright.core.records import Copy, InvalidCopy
from millwright.core.registry import RegisteredVersion
from millwright.core.training_state import Missing, ModelTarget
from millwright.ports import CONFIG_MAPS, Cluster, ObjectStore, Registry

MOST_BYTES = 4 * 1024 * 1024
Files = Mapping[str, str]


class CopySources:
    """Finds what an execution was launched with."""

    def __init__(self, cluster: Cluster, registry: Registry, packages: Callable[[str], ObjectStore]) -> None:
        """`packages`: what may be read of a namespace's packages."""
        self._cluster = cluster
        self._registry = registry
        self._packages = packages

    async def read(self, namespace: str, wanted: ReplayOf, model: ModelTarget) -> Copy | Missing:
        """The copy, or why there is none. Raises RejectedError where a version's package is not the namespace's."""
        versions = await self._registry.versions(model.registered_name)
        version = next((v for v in versions if _is(v, wanted)), None)
        if wanted.model_version is not None and version is None:
            return Missing("VersionNotFound", f"{model.registered_name} has no version {wanted.model_version}")
        if version is not None and (source := imports.source_of(version.tags)):
            which = f"version {version.number} of {model.registered_name}"
            return Missing(
                "NotTrained", f"{which} was imported from {source}: nothing was run that could run again", True
            )
        key = wanted.execution or _tag(version, "execution")
        files = await self._kept(namespace, key) or await self._stored(namespace, version)
        if files is None:
            return _gone(wanted, model)
        try:
            return await self._checked(namespace, key, records.read(files))
        except InvalidCopy as error:
            return Missing("InvalidCopy", f"the copy of {key} is no copy: {error}", final=True)

    async def of(self, namespace: str, found: Original) -> TrackedRun | None:
        """The MLflow run of an execution, as far as it is the namespace's."""
        return await self._registry.find_run(f"{namespace}/{found.training_run}", found.execution)

    async def _kept(self, namespace: str, key: str) -> Files | None:
        body = await self._cluster.get(CONFIG_MAPS, namespace, key) if key else None
        data: Files = (body or {}).get("data") or {}
        return data if all(name in data for name in records.FILES) else None

    async def _stored(self, namespace: str, version: RegisteredVersion | None) -> Files | None:
        package, found = _tag(version, "package"), {}
        for name in records.FILES if package else ():
            content = await self._packages(namespace).get(f"{records.beside(package)}/{name}", MOST_BYTES)
            if content is None:
                return None
            found[name] = content.decode(errors="replace")
        return found or None

    async def _checked(self, namespace: str, key: str, copy: Copy) -> Copy | Missing:
        """It is the execution's that was asked for, whose MLflow run is there to compare with and tells its digest."""
        found, name = copy.original, str(copy.original)
        if found.execution != key or original(name) != found:
            return Missing("InvalidCopy", f"the copy of {key} says that it is of {name}", final=True)
        tracked = await self.of(namespace, found)
        if tracked is None:
            return Missing("OriginalGone", f"the MLflow run of {name} is gone: there is nothing to compare with", True)
        if tracked.pipeline_digest != copy.pipeline.digest:
            told = f"the pipeline in the copy of {name} has digest {copy.pipeline.digest}"
            return Missing("DigestMismatch", f"{told}, its MLflow run says {tracked.pipeline_digest}", final=True)
        return copy


def _is(version: RegisteredVersion, wanted: ReplayOf) -> bool:
    if wanted.model_version is not None:
        return version.number == wanted.model_version
    return _tag(version, "execution") == wanted.execution


def _tag(version: RegisteredVersion | None, name: str) -> str:
    return version.tags.get(f"millwright.{name}", "") if version else ""


def _gone(wanted: ReplayOf, model: ModelTarget) -> Missing:
    if wanted.model_version is not None:
        what = f"version {wanted.model_version} of {model.registered_name}"
        message = f"no copy of what made {what} is stored: it was not made by a TrainingRun, or before copies were kept"
    else:
        message = (
            f"the copy of execution {wanted.execution} is gone: it went with the execution's children (it was stopped, "
            "left status.history, or ttlSecondsAfterFinished is over), and it became no version of "
            f"{model.registered_name}"
        )
    return Missing("CopyGone", message, final=True)
