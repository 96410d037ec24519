"""A Model's import: reads packaging and registry, and does what core.model_import decides."""

from dataclasses import replace

from millwright.core import imports
from millwright.core.actions import CloseRun, ImportAction, ImportModel, OpenRun, Register, Stop, Terminate
from millwright.core.execution import ObjectKey
from millwright.core.imports import Import
from millwright.core.model_import import ImportObserved
from millwright.core.model_state import ModelObserved, registered_name
from millwright.ports import Packaging, Registry


class ModelImports:
    """What the Model's reconciler leaves to others."""

    def __init__(self, registry: Registry, packaging: Packaging) -> None:
        self._registry = registry
        self._packaging = packaging

    async def observe(self, model: ModelObserved, uid: str) -> ImportObserved:
        """Reads nothing where nothing is under way or to be begun."""
        wanted = None if model.deleting else _wanted(model, uid)
        version = imports.version_of(wanted, model.versions) if wanted else None
        known = ImportObserved(model.status, wanted, version)
        return known if known.is_idle else await self._look_around(model.key, known)

    async def _look_around(self, key: ObjectKey, known: ImportObserved) -> ImportObserved:
        """The Job first: what one that has ended wrote into its MLflow run is seen then."""
        wanted, told = known.wanted, known.status.import_
        begun = {*await self._registry.open_executions(imports.experiment(key)), *([told.execution] if told else [])}
        if wanted is None:
            return replace(known, former=tuple(sorted(begun)))
        packaging = await self._packaging.find(key.namespace, wanted.key)
        tracked = await self._registry.find_run(wanted.experiment, wanted.key)
        return replace(known, former=tuple(sorted(begun - {wanted.key})), packaging=packaging, tracked=tracked)

    async def act(self, key: ObjectKey, action: ImportAction) -> None:
        """Does one action."""
        match action:
            case OpenRun(wanted, tags):
                await self._registry.open_run(wanted.experiment, wanted.key, tags)
            case CloseRun(run_id, status, cause):
                await self._registry.close_run(run_id, status, cause)
            case ImportModel():
                await self._packaging.start(action)
            case Stop(import_key):
                await self._packaging.stop(key.namespace, import_key)
            case Terminate(import_key):
                await self._terminate(key, import_key)
            case Register(name, run_id, package, tags):
                await self._registry.register(name, run_id, package, tags)

    async def _terminate(self, key: ObjectKey, import_key: str) -> None:
        await self._packaging.stop(key.namespace, import_key)
        tracked = await self._registry.find_run(imports.experiment(key), import_key)
        if tracked is not None and tracked.status == "RUNNING":
            await self._registry.close_run(tracked.id, "KILLED")


def _wanted(model: ModelObserved, uid: str) -> Import | None:
    spec = model.spec
    if spec.import_ is None:
        return None
    return Import(model.key, uid, registered_name(model.key, spec), spec.import_, spec.allow_pickle)
