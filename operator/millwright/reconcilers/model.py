"""Model: keeps the registry and the resource in step."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from millwright.api.model import ModelSpec, ModelStatus
from millwright.api.training_run import TrainingRunStatus
from millwright.core import model, model_import, records, retention
from millwright.core.actions import (
    DeleteAlias,
    DeleteModel,
    DeleteVersion,
    EnsureModel,
    HoldFinalizer,
    ModelAction,
    ReleaseFinalizer,
    SetAlias,
)
from millwright.core.deployed import ROLES, Served, Server
from millwright.core.execution import ObjectKey
from millwright.core.model_state import ModelObserved, name_is_foreign, registered_name
from millwright.core.plan import Plan
from millwright.core.registry import RegisteredModel, RegisteredVersion, VersionName
from millwright.ports import (
    DEPLOYMENTS,
    MODELS,
    TRAINING_RUNS,
    Clock,
    Cluster,
    Manifest,
    ObjectStore,
    Packaging,
    Registry,
)
from millwright.reconcilers import upstream
from millwright.reconcilers.base import Reconciler
from millwright.reconcilers.model_follower import ModelFollower
from millwright.reconcilers.model_import import ModelImports
from millwright.reconcilers.object_cache import ObjectCache, Reader
from millwright.reconcilers.together import together

FINALIZER = "millwright.dev/model"
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


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

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        cache: ObjectCache,
        registry: Registry,
        packages: Packages,
        packaging: Packaging,
    ) -> None:
        super().__init__(cluster, clock, cache)
        self._registry = registry
        self._packages = packages
        self._imports = ModelImports(registry, packaging)
        self.follower = ModelFollower(registry)

    async def reconcile(self, key: ObjectKey) -> float | None:
        self.follower.forget(key)
        return await super().reconcile(key)

    async def observe_and_decide(
        self, key: ObjectKey, body: Manifest, reader: Reader
    ) -> Plan[ModelAction, ModelStatus]:
        metadata = body["metadata"]
        subject = ModelObserved(
            key=key,
            generation=metadata["generation"],
            spec=ModelSpec.model_validate(body.get("spec") or {}),
            status=ModelStatus.model_validate(body.get("status") or {}),
            deleting="deletionTimestamp" in metadata,
            held=FINALIZER in metadata.get("finalizers", []),
            packages=self._packages.folder(key),
        )
        if _is_nothing_to_us(subject):
            return model.decide(subject, self._clock.now())
        return await self._with_import(await self._observe(subject), metadata["uid"])

    async def _with_import(self, observed: ModelObserved, uid: str) -> Plan[ModelAction, ModelStatus]:
        """An import goes on beside the rest, as long as there is a registered model of ours for it."""
        now = self._clock.now()
        if not observed.deleting and (observed.registered is None or observed.rival is not None):
            return model.decide(replace(observed, importing=observed.held), now)
        imported = await self._imports.observe(observed, uid)
        step = model_import.decide(imported, now)
        plan = model.decide(replace(observed, importing=not step.is_last), now)
        return model_import.joined(imported, plan, step, now)

    async def _observe(self, subject: ModelObserved) -> ModelObserved:
        name = registered_name(subject.key, subject.spec)
        # Before its versions: what comes between the two is then found by the follower.
        registered = await self._registry.find_model(name)
        self.follower.saw(subject.key, name, registered)
        versions, servers, models = await together(
            self._registry.versions(name),
            self._cluster.list(DEPLOYMENTS, subject.key.namespace),
            upstream.all_of(self._cluster, subject.key.namespace, subject.spec),
        )
        deployments = tuple(_server(body) for body in servers)
        seen = replace(subject, registered=registered, versions=tuple(versions), servers=deployments, upstream=models)
        rival, unreported = await together(self._rival(seen), self._unreported(seen))
        return replace(seen, rival=rival, unreported=unreported)

    async def _rival(self, seen: ModelObserved) -> str | None:
        """Another Model that the registered model says it is of, and that wants it still."""
        owner, namespace = _named(seen.registered, "model"), seen.key.namespace
        body = await self._cluster.get(MODELS, namespace, owner) if owner not in (None, seen.key.name) else None
        if owner is None or body is None:
            return None
        spec = ModelSpec(registered_name=(body.get("spec") or {}).get("registeredName"))
        wanted = registered_name(ObjectKey(namespace, owner), spec)
        return owner if wanted == registered_name(seen.key, seen.spec) else None

    async def _unreported(self, seen: ModelObserved) -> frozenset[str]:
        """Of the versions that would be deleted, those whose TrainingRun does not know of them yet."""
        makers = [(v, await self._maker(seen.key.namespace, v)) for v in retention.expired(seen)]
        return frozenset(version.number for version, maker in makers if not retention.is_reported(version, maker))

    async def _maker(self, namespace: str, version: RegisteredVersion) -> TrainingRunStatus | None:
        name = _named(version, "trainingRun")
        body = await self._cluster.get(TRAINING_RUNS, namespace, name) if name else None
        return TrainingRunStatus.model_validate(body.get("status") or {}) if body else None

    async def act(self, key: ObjectKey, body: Manifest, action: ModelAction) -> None:
        match action:
            case HoldFinalizer():
                await self.set_finalizer(key, body, FINALIZER, held=True)
            case ReleaseFinalizer():
                await self.set_finalizer(key, body, FINALIZER, held=False)
            case EnsureModel(name, description, tags):
                await self._registry.ensure_model(name, description, tags)
            case SetAlias(name, alias, version):
                await self._registry.set_alias(name, alias, version)
            case DeleteAlias(name, alias):
                await self._registry.delete_alias(name, alias)
            case DeleteVersion():
                await self._delete(key, body, action)
            case DeleteModel(name):
                await self._registry.delete_model(name)
            case _:
                await self._imports.act(key, action)

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


def _named(tagged: RegisteredModel | RegisteredVersion | None, kind: str) -> str | None:
    """The object that a tag names. People can write tags, and what is no name must not become part of a path."""
    name = tagged.tags.get(f"millwright.{kind}", "") if tagged else ""
    return name if NAME.fullmatch(name) else None


def _is_nothing_to_us(subject: ModelObserved) -> bool:
    """The registry is not asked for what is another namespace's, or left alone by this deletion."""
    return name_is_foreign(subject.key, subject.spec) or (subject.deleting and not subject.held)


def _server(body: Manifest) -> Server:
    """Only what is needed: a Deployment that is wrong elsewhere is no trouble of the Model's."""
    named, status = body["spec"]["model"], body.get("status") or {}
    served = [Served(role, status[role]["version"], status[role]["digest"]) for role in ROLES if status.get(role)]
    arms = (status.get("experiment") or {}).get("arms", ())
    served += [Served("arm", arm["version"], arm["digest"]) for arm in arms if arm.get("replicas")]
    return Server(body["metadata"]["name"], named["name"], named.get("version"), tuple(served))
