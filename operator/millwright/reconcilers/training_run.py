"""TrainingRun: reads cluster, pipelines backend and registry; decides in core.training; acts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from millwright.api.model import ModelSpec
from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus
from millwright.core import packaging, training
from millwright.core.actions import (
    CheckDatasets,
    CloseRun,
    Dequeue,
    Enqueue,
    Forget,
    HoldFinalizer,
    LabelFailure,
    Launch,
    OpenRun,
    PackageModel,
    Prune,
    Register,
    ReleaseFinalizer,
    Stop,
    StopDatasetCheck,
    StopPackaging,
    TagRun,
    Terminate,
    TrainingAction,
)
from millwright.core.attempts import current_execution
from millwright.core.execution import DatasetCheck, Execution, ObjectKey, PackagingRun, TrackedRun
from millwright.core.housekeeping import after_the_end, is_settled
from millwright.core.model_state import name_is_foreign, registered_name
from millwright.core.node_pools import NodePools
from millwright.core.plan import Plan
from millwright.core.registry import RegisteredVersion
from millwright.core.training_state import Missing, ModelTarget, Observed, PipelineInput, Subject
from millwright.core.upstream import approved
from millwright.ports import (
    MODELS,
    TRAINING_RUNS,
    Clock,
    Cluster,
    DatasetChecks,
    Manifest,
    ObjectStore,
    Packaging,
    Pipelines,
    Queues,
    Registry,
)
from millwright.reconcilers import run_metrics
from millwright.reconcilers.base import Reconciler
from millwright.reconcilers.copy_source import CopySources
from millwright.reconcilers.object_cache import ObjectCache, Reader
from millwright.reconcilers.pipeline_source import PipelineSources
from millwright.reconcilers.references import ReferenceReader
from millwright.reconcilers.together import together
from millwright.reconcilers.upstream import named

FINALIZER = "millwright.dev/training-run"
FAILURE_LABEL = "millwright.dev/failure-reason"
LAUNCHED = Missing("Launched", "the execution has its own copy")


@dataclass(frozen=True)
class World:
    """What a TrainingRun touches beside the cluster. `packages`: what it may read of its namespace's packages."""

    pipelines: Pipelines
    dataset_checks: DatasetChecks
    packaging: Packaging
    registry: Registry
    objects: ObjectStore
    packages: Callable[[str], ObjectStore]
    queues: Queues
    pools: Callable[[], NodePools]


class TrainingRunReconciler(Reconciler[TrainingAction, TrainingRunStatus]):
    """observe → decide → act → report."""

    resource = TRAINING_RUNS
    status_type = TrainingRunStatus

    def __init__(self, cluster: Cluster, clock: Clock, cache: ObjectCache, world: World) -> None:
        super().__init__(cluster, clock, cache)
        self._world = world
        self._copies = CopySources(cluster, world.registry, world.packages)
        self._sources = PipelineSources(cluster, world.objects, world.pipelines, self._copies)
        self._references = ReferenceReader(world.registry)

    async def observe_and_decide(
        self, key: ObjectKey, body: Manifest, reader: Reader
    ) -> Plan[TrainingAction, TrainingRunStatus]:
        subject = subject_of(key, body)
        if is_settled(subject) and not await self._is_allowed_now(subject):
            return after_the_end(subject, self._clock.now())
        observed = await self._observe(subject)
        return training.decide(observed, self._clock.now())

    async def _is_allowed_now(self, subject: Subject) -> bool:
        """Whether the run failed for what its Model allows by now."""
        if not packaging.was_refused(subject.status):
            return False
        model = await self._model(subject)
        return isinstance(model, ModelTarget) and model.allow_pickle

    async def _observe(self, subject: Subject) -> Observed:
        """All that does not depend on each other is read at once: each answer takes its time on a busy server."""
        execution, world = current_execution(subject), self._world
        if subject.is_untouched:
            return await self._first_look(subject, execution)
        tracked, running, place = await together(
            world.registry.find_run(execution.experiment, execution.key),
            world.pipelines.find(execution),
            world.queues.find(execution),
        )
        known = Observed(subject, LAUNCHED, LAUNCHED, tracked, running=running, queue_place=place, pools=world.pools())
        return known if _is_under_way(known) else await self._look_around(known, execution)

    async def _first_look(self, subject: Subject, execution: Execution) -> Observed:
        """Outside the cluster there is nothing of it to be found."""
        world = self._world
        model, place, strays = await together(
            self._model(subject), world.queues.find(execution), world.queues.strays(execution)
        )
        known = Observed(subject, model, LAUNCHED, queue_place=place, strays=tuple(strays), pools=world.pools())
        pipeline, check = await together(self._pipeline(known), self._dataset_check(known, execution))
        return replace(known, pipeline=pipeline, dataset_check=check)

    async def _look_around(self, known: Observed, execution: Execution) -> Observed:
        """What matters before a launch and after the pipeline's end; while it runs, there is nothing new to it."""
        known = replace(known, model=await self._model(known.subject))
        pipeline, check, original, packaged, references, version, strays = await together(
            self._pipeline(known),
            self._dataset_check(known, execution),
            self._original(known),
            self._packaging(known, execution),
            self._references.read(known),
            self._version(known, execution),
            self._strays(execution),
        )
        seen = replace(known, pipeline=pipeline, dataset_check=check, original=original, packaging=packaged)
        return replace(seen, references=references, version=version, strays=strays)

    async def _strays(self, execution: Execution) -> tuple[str, ...]:
        """Executions under way that are not the current one, wherever they show."""
        world = self._world
        found = await together(
            world.pipelines.strays(execution),
            world.packaging.strays(execution),
            world.queues.strays(execution),
            world.registry.open_executions(execution.experiment),
        )
        return tuple(sorted({key for keys in found for key in keys} - {execution.key}))

    async def _model(self, subject: Subject) -> ModelTarget | Missing:
        name = subject.spec.output.model
        key = ObjectKey(subject.key.namespace, name)
        found = await Reader(self._cluster, self._cache).get(MODELS, key)  # whoever waits is woken when it changes
        if found is None:
            message = f"Model {name} is not in namespace {subject.key.namespace} yet; the run starts when it is applied"
            return Missing("ModelNotFound", message)
        spec = ModelSpec.model_validate(found.get("spec") or {})
        if name_is_foreign(key, spec):
            return Missing(
                "ModelStalled", f"Model {name} has a registeredName of another namespace; correct it there", final=True
            )
        built_on = approved(await named(self._cluster, key.namespace, spec))
        return ModelTarget(registered_name(key, spec), spec.allow_pickle, built_on, tuple(spec.aliases))

    async def _pipeline(self, known: Observed) -> PipelineInput | Missing:
        if known.running is not None:
            return LAUNCHED
        return await self._sources.read(known.subject.key.namespace, known.subject.spec, known.model)

    async def _dataset_check(self, known: Observed, execution: Execution) -> DatasetCheck | None:
        spec = known.subject.spec
        if not known.is_to_be_launched or not (spec.datasets or spec.replay_of):
            return None
        return await self._world.dataset_checks.find(execution)

    async def _original(self, known: Observed) -> TrackedRun | None:
        tracked = known.tracked
        if known.subject.spec.replay_of is None or not known.ended_well or tracked is None:
            return None
        of = tracked.replay_of
        return await self._copies.of(known.subject.key.namespace, of) if of is not None else None

    async def _packaging(self, known: Observed, execution: Execution) -> PackagingRun | None:
        if not known.ended_well:
            return None
        return await self._world.packaging.find(execution.run.namespace, execution.key)

    async def _version(self, known: Observed, execution: Execution) -> RegisteredVersion | None:
        """As the status tells, or the registry. What was told stays true when the version has been deleted since."""
        told = known.subject.status
        if told.execution == execution.key and told.model_version is not None:
            return RegisteredVersion(told.model_version)
        if isinstance(known.model, Missing) or known.tracked is None:
            return None
        return await self._world.registry.version_of(known.model.registered_name, execution.key)

    async def act(self, key: ObjectKey, body: Manifest, action: TrainingAction) -> None:
        world = self._world
        match action:
            case HoldFinalizer():
                await self.set_finalizer(key, body, FINALIZER, held=True)
            case ReleaseFinalizer():
                await self.set_finalizer(key, body, FINALIZER, held=False)
            case LabelFailure(reason):
                await self.patch_metadata(key, body, {"labels": {FAILURE_LABEL: reason}})
            case OpenRun(execution, tags):
                await world.registry.open_run(execution.experiment, execution.key, tags)
            case TagRun(run_id, tags):
                await world.registry.tag_run(run_id, tags)
            case CloseRun(run_id, status, cause):
                await world.registry.close_run(run_id, status, cause)
            case Enqueue():
                await world.queues.enter(action)
            case Dequeue(run_key):
                await world.queues.leave(_execution(key, body), run_key)
            case CheckDatasets():
                await world.dataset_checks.start(action)
            case StopDatasetCheck():
                await world.dataset_checks.stop(_execution(key, body))
            case Launch(execution):
                tracked = action.tracked or await world.registry.open_run(
                    execution.experiment, execution.key, action.tags
                )
                await world.pipelines.launch(action, tracked)
            case Stop(run_key):
                await world.pipelines.stop(_execution(key, body), run_key)
            case Terminate(run_key):
                await self._terminate(_execution(key, body), run_key)
            case Prune(run_keys):
                await self._prune(_execution(key, body), run_keys)
            case Forget():
                await world.pipelines.forget(_execution(key, body))
            case PackageModel():
                await world.packaging.start(action)
            case StopPackaging(run_key):
                await world.packaging.stop(key.namespace, run_key)
            case Register(name, run_id, package, tags):
                await world.registry.register(name, run_id, package, tags)

    def reported(self, body: Manifest, before: TrainingRunStatus, status: TrainingRunStatus) -> None:
        run_metrics.count(body, before, status)

    async def _terminate(self, execution: Execution, run_key: str) -> None:
        await self._world.pipelines.stop(execution, run_key)
        await self._world.packaging.stop(execution.run.namespace, run_key)
        await self._world.queues.leave(execution, run_key)
        tracked = await self._world.registry.find_run(execution.experiment, run_key)
        if tracked is not None and tracked.status == "RUNNING":
            await self._world.registry.close_run(tracked.id, "KILLED")

    async def _prune(self, execution: Execution, run_keys: tuple[str, ...]) -> None:
        for run_key in run_keys:
            await self._world.pipelines.prune(execution, run_key)
            await self._world.packaging.stop(execution.run.namespace, run_key)


def subject_of(key: ObjectKey, body: Mapping[str, Any]) -> Subject:
    """What the object itself says. Raises ValidationError where it is wrong."""
    metadata = body["metadata"]
    return Subject(
        key=key,
        uid=metadata["uid"],
        generation=metadata["generation"],
        spec=TrainingRunSpec.model_validate(body["spec"]),
        status=TrainingRunStatus.model_validate(body.get("status") or {}),
        deleting="deletionTimestamp" in metadata,
        held=FINALIZER in metadata.get("finalizers", []),
        failure_label=metadata.get("labels", {}).get(FAILURE_LABEL),
    )


def _execution(key: ObjectKey, body: Manifest) -> Execution:
    return current_execution(subject_of(key, body))


def _is_under_way(known: Observed) -> bool:
    """Launched, and not about to end: then all strays have ended before, and there is no version yet."""
    return known.running is not None and known.running.active and not known.subject.deleting
