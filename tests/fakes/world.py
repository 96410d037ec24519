"""A whole fake world with one reconciler per kind, and the objects that tests begin with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.cluster import FakeCluster
from tests.fakes.dataset_checks import FakeDatasetChecks
from tests.fakes.faults import Faults, Killed
from tests.fakes.measurements import FakeMeasurements
from tests.fakes.objects import FakeObjects
from tests.fakes.pipelines import FakePackaging, FakePipelines
from tests.fakes.queues import FakeQueues
from tests.fakes.registry import FakeRegistry
from tests.fakes.watch import WatchedCache

from millwright.core.execution import Cause, ObjectKey
from millwright.core.node_pools import NodePools
from millwright.core.serving_pod import Platform
from millwright.ports import CONFIG_MAPS, DEPLOYMENTS, MODELS, TRAINING_RUNS, Manifest
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler, Packages
from millwright.reconcilers.training_run import TrainingRunReconciler, World

KEY = ObjectKey("flights", "arr-delay")
IR = """
pipelineInfo: {name: arr-delay}
deploymentSpec:
  executors:
    exec-train: {container: {image: "python:3.11", command: [python, -m, kfp.dsl.executor_main]}}
root:
  dag: {tasks: {train: {}}}
  inputDefinitions: {parameters: {train_months: {parameterType: STRING, isOptional: true}}}
"""


class FakeClock:
    """A clock that moves one second at each look."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def training_run(**spec: Any) -> Manifest:
    """A TrainingRun with the fewest fields, and those given."""
    needed = {"pipeline": {"configMapRef": {"name": "pipe"}}, "output": {"model": KEY.name}}
    return _object("TrainingRun", needed | spec)


def model(**spec: Any) -> Manifest:
    """A Model."""
    return _object("Model", spec)


def deployment(**spec: Any) -> Manifest:
    """A Deployment of the Model."""
    return _object("Deployment", {"model": {"name": KEY.name}} | spec)


def _object(kind: str, spec: dict[str, Any]) -> Manifest:
    metadata = {"name": KEY.name, "namespace": KEY.namespace}
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@dataclass
class FakeWorld:
    """Everything around the reconcilers. `room`: pods that nodes have room for; None: for all."""

    outcomes: tuple[Cause | None, ...] = ()
    looks: int = 2
    keeps_record: bool = False
    room: int | None = None
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.cluster = FakeCluster()
        self.registry = FakeRegistry()
        self.pipelines = FakePipelines(self.looks, self.outcomes, self.keeps_record, self.cluster)
        self.objects = FakeObjects()
        self.clock = FakeClock()
        self.dataset_checks = FakeDatasetChecks(self.objects, lambda: self.clock.time)
        self.packaging = FakePackaging(self.registry, None, self.cluster, self.objects, lambda: self.clock.time)
        cluster, registry = self.faults.around(self.cluster), self.faults.around(self.registry)
        self.cache = WatchedCache(self.cluster)
        self.pools = NodePools()
        self.measurements = FakeMeasurements()
        self.queues = FakeQueues()
        queues = self.faults.around(self.queues)
        pipelines, packaging = self.faults.around(self.pipelines), self.faults.around(self.packaging)
        world = World(
            pipelines=pipelines,
            dataset_checks=self.faults.around(self.dataset_checks),
            packaging=packaging,
            registry=registry,
            objects=self.objects,
            packages=self._packages,
            queues=queues,
            pools=lambda: self.pools,
        )
        self.training_runs = TrainingRunReconciler(cluster, self.clock, self.cache, world)
        packages = Packages("s3://models", lambda namespace: self.faults.around(self._packages(namespace)))
        self.models = ModelReconciler(cluster, self.clock, self.cache, registry, packages, packaging)
        self.deployments = DeploymentReconciler(
            cluster, self.clock, self.cache, registry, self._platform, self.measurements
        )
        metadata = {"name": "pipe", "namespace": KEY.namespace}
        self.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": {"pipeline.yaml": IR}})

    def _platform(self) -> Platform:
        return Platform(image="serving:1", storage_secret="storage", pools=self.pools)

    def _packages(self, namespace: str) -> FakeObjects:
        return FakeObjects(self.objects.contents, f"s3://models/{namespace}/")

    async def settle(self, reconciler: Any, key: ObjectKey = KEY, limit: int = 60) -> None:
        """Reconciles as the queue would, through crashes, until nothing asks to be looked at soon."""
        for _ in range(limit):
            try:
                delay = await reconciler.reconcile(key)
            except Killed:
                continue
            if delay is None or delay > 10:
                return
        raise AssertionError(f"did not settle in {limit} reconciles")

    def status(self, plural: str = TRAINING_RUNS.plural) -> dict[str, Any]:
        """The status as it stands in the cluster."""
        body = self.cluster.objects[plural, KEY.namespace, KEY.name]
        return dict(body.get("status", {}))

    def condition(self, kind: str, plural: str = TRAINING_RUNS.plural) -> dict[str, Any]:
        """One condition as it stands in the cluster."""
        return next(c for c in self.status(plural)["conditions"] if c["type"] == kind)


async def started(world: FakeWorld, **spec: object) -> FakeWorld:
    """A world with a Model that is in the registry, and a TrainingRun."""
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    world.cluster.put(TRAINING_RUNS, training_run(**spec))
    return world


__all__ = ["DEPLOYMENTS", "KEY", "MODELS", "FakeWorld", "deployment", "model", "started", "training_run"]
