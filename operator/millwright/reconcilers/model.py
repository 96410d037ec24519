"""Model: keeps the registry and the resource in step."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from millwright.api.model import ModelSpec, ModelStatus
from millwright.api.training_run import TrainingRunStatus
from millwright.core import model, records, retention
from millwright.core.actions import DeleteAlias, DeleteVersion, EnsureModel, ModelAction, SetAlias
from millwright.core.deployed import ROLES, Served, Server
from millwright.core.execution import ObjectKey
from millwright.core.model_state import ModelObserved, name_is_foreign, registered_name
from millwright.core.plan import Plan
from millwright.core.registry import RegisteredVersion, VersionName
from millwright.ports import (
    DEPLOYMENTS,
    MODELS,
    TRAINING_RUNS,
    Clock,
    Cluster,
    Manifest,
    ObjectStore,
    Registry,
)
from millwright.reconcilers.base import Reconciler
from millwright.reconcilers.together import together


@dataclass(frozen=True)
class Packages:
    """Where packages are: the prefix of all, and the store that has those of a namespace."""

    uri: str
    of: Callable[[str], ObjectStore]

    def folder(self, model: ObjectKey) -> str:
        """What has the packages of a Model's versions."""
        return f"{self.uri.rstrip('/')}/{model.namespace}/{model.name}"


class ModelReconciler(Reconciler[ModelAction, ModelStatus]):
    """observe → decide → act → report."""

    resource = MODELS
    status_type = ModelStatus

    def __init__(self, cluster: Cluster, clock: Clock, registry: Registry, packages: Packages) -> None:
        super().__init__(cluster, clock)
        self._registry = registry
        self._packages = packages

    async def observe_and_decide(self, key: ObjectKey, body: Manifest) -> Plan[ModelAction, ModelStatus]:
        status = ModelStatus.model_validate(body.get("status") or {})
        if "deletionTimestamp" in body["metadata"]:
            return Plan(status)
        spec = ModelSpec.model_validate(body.get("spec") or {})
        subject = ModelObserved(key, body["metadata"]["generation"], spec, status, packages=self._packages.folder(key))
        observed = subject if name_is_foreign(key, spec) else await self._observe(subject)
        return model.decide(observed, self._clock.now())

    async def _observe(self, subject: ModelObserved) -> ModelObserved:
        name = registered_name(subject.key, subject.spec)
        registered, versions, servers = await together(
            self._registry.find_model(name),
            self._registry.versions(name),
            self._cluster.list(DEPLOYMENTS, subject.key.namespace),
        )
        deployments = tuple(_server(body) for body in servers)
        seen = replace(subject, registered=registered, versions=tuple(versions), servers=deployments)
        return replace(seen, unreported=await self._unreported(seen))

    async def _unreported(self, seen: ModelObserved) -> frozenset[str]:
        """Of the versions that would be deleted, those whose TrainingRun does not know of them yet."""
        makers = [(v, await self._maker(seen.key.namespace, v)) for v in retention.expired(seen)]
        return frozenset(version.number for version, maker in makers if not retention.is_reported(version, maker))

    async def _maker(self, namespace: str, version: RegisteredVersion) -> TrainingRunStatus | None:
        name = version.tags.get("millwright.trainingRun")
        body = await self._cluster.get(TRAINING_RUNS, namespace, name) if name else None
        return TrainingRunStatus.model_validate(body.get("status") or {}) if body else None

    async def act(self, key: ObjectKey, body: Manifest, action: ModelAction) -> None:
        match action:
            case EnsureModel(name, description, tags):
                await self._registry.ensure_model(name, description, tags)
            case SetAlias(name, alias, version):
                await self._registry.set_alias(name, alias, version)
            case DeleteAlias(name, alias):
                await self._registry.delete_alias(name, alias)
            case DeleteVersion():
                await self._delete(key, body, action)

    async def _delete(self, key: ObjectKey, body: Manifest, gone: DeleteVersion) -> None:
        """The package goes first: once the version is gone, nobody knows where it was."""
        package = None if gone.package is None or await self._is_shared(gone, gone.package) else gone.package
        for folder in (package, records.beside(package)) if package else ():
            await self._packages.of(key.namespace).remove(folder)
        await self._registry.delete_version(gone.name, gone.version)
        message = f"version {gone.version} is deleted" + (f", and its package {package}" if package else "")
        await self._reporter.note(body, "VersionDeleted", message, self._clock.now())

    async def _is_shared(self, gone: DeleteVersion, package: str) -> bool:
        """Whether another version names the package: MLflow copies versions from model to model with their tags."""
        named_by = set(await self._registry.versions_of_package(package))
        return bool(named_by - {VersionName(gone.name, gone.version)})


def _server(body: Manifest) -> Server:
    """Only what is needed: a Deployment that is wrong elsewhere is no trouble of the Model's."""
    named, status = body["spec"]["model"], body.get("status") or {}
    served = (Served(role, status[role]["version"], status[role]["digest"]) for role in ROLES if status.get(role))
    return Server(body["metadata"]["name"], named["name"], named.get("version"), tuple(served))
