"""The whole operator in this process, on a real API server, with the ports' other sides faked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

import kopf
from tests.bench.instant import InstantPackaging, InstantPipelines, InstantRegistry
from tests.bench.traffic import CountingClient
from tests.bench.workers import WORKERS
from tests.fakes.dataset_checks import FakeDatasetChecks
from tests.fakes.lease import FakeLease
from tests.fakes.objects import FakeObjects

from millwright import handlers, settings
from millwright.adapters.clock import SystemClock, elapsed
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.kueue import NoQueues
from millwright.adapters.node_pools import NodePoolsFile
from millwright.adapters.prometheus import NoMeasurements
from millwright.core.execution import ObjectKey
from millwright.core.node_pools import NodePools
from millwright.core.serving_pod import Platform
from millwright.leadership import Leadership, LeaseFence
from millwright.queue import KeyedQueue
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler, Packages
from millwright.reconcilers.object_cache import ObjectCache
from millwright.reconcilers.training_run import TrainingRunReconciler, World
from millwright.wiring import MODEL_REST_SECONDS, Operator

SETTINGS = settings.Settings(
    images=settings.Images(runner="none", serving="none"),
    mlflow=settings.Mlflow(tracking_uri="http://none"),
    storage=settings.Storage(packages="s3://none"),
    workers=WORKERS,
)


class Fakes:
    """What outlives the operator: the world behind the ports."""

    def __init__(self) -> None:
        self.queue: KeyedQueue[ObjectKey] | None = None
        self.registry = InstantRegistry()
        self.pipelines = InstantPipelines(self._wake)
        self.packaging = InstantPackaging(self.registry, self._wake)

    def _wake(self, key: ObjectKey) -> None:
        assert self.queue is not None
        self.queue.add(key)

    def operator(self, api: CountingClient) -> Operator:
        """As `wiring.build` makes it, on these fakes."""
        cluster, clock = KubernetesCluster(api), SystemClock()
        cache = ObjectCache()
        world = World(
            pipelines=self.pipelines,
            dataset_checks=FakeDatasetChecks(FakeObjects()),
            packaging=self.packaging,
            registry=self.registry,
            objects=FakeObjects(),
            packages=lambda _: FakeObjects(),
            queues=NoQueues(),
            pools=NodePools,
        )
        runs = TrainingRunReconciler(cluster, clock, cache, world)
        packages = Packages("s3://none", world.packages)
        models = ModelReconciler(cluster, clock, cache, self.registry, packages, self.packaging)
        platform, measurements = Platform("none", "none"), NoMeasurements()
        deployments = DeploymentReconciler(cluster, clock, cache, self.registry, lambda: platform, measurements)
        self.queue = KeyedQueue("TrainingRun", runs.reconcile, WORKERS)
        model_queue = KeyedQueue("Model", models.reconcile, WORKERS, rest=MODEL_REST_SECONDS)
        deployment_queue = KeyedQueue("Deployment", deployments.reconcile, WORKERS)
        return Operator(
            cluster=cluster,
            registry=self.registry,  # type: ignore[arg-type]
            measurements=measurements,
            kubeflow=None,
            node_pools=NodePoolsFile(None),
            cache=cache,
            leadership=Leadership(FakeLease(), "bench", LeaseFence(elapsed), elapsed),
            training_runs=self.queue,
            models=model_queue,
            deployments=deployment_queue,
            work=(self.queue.run, model_queue.run, deployment_queue.run),
        )


@asynccontextmanager
async def running(fakes: Fakes, api: CountingClient, namespace: str) -> AsyncIterator[None]:
    """The operator, under kopf."""

    operator = fakes.operator(api)

    async def build(_: settings.Settings) -> Operator:
        return operator

    stop, ready = asyncio.Event(), asyncio.Event()
    with patch.object(handlers, "build", build):
        registry = handlers.registry(SETTINGS)
        work = kopf.operator(
            registry=registry, namespaces=[namespace], standalone=True, stop_flag=stop, ready_flag=ready
        )
        task = asyncio.create_task(work)
        await ready.wait()
        try:
            yield
        finally:
            stop.set()
            await task
