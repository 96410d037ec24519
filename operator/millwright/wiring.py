"""Settings → adapters → reconcilers → queues. The only place that constructs."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

from millwright.adapters.backends import Backends
from millwright.adapters.clock import SystemClock, elapsed
from millwright.adapters.dataset_checks import JobDatasetChecks
from millwright.adapters.embedded import EmbeddedPipelines
from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubeflow import KubeflowPipelines, KubeflowSettings
from millwright.adapters.kubeflow_api import Credentials, KubeflowApi
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.kueue import KueueQueues, NoQueues
from millwright.adapters.lease import KubernetesLease
from millwright.adapters.mlflow import MlflowRegistry
from millwright.adapters.mlflow_login import MlflowLogin
from millwright.adapters.node_pools import NodePoolsFile
from millwright.adapters.packaging import JobPackaging
from millwright.adapters.prometheus import NoMeasurements, PrometheusMeasurements
from millwright.adapters.s3 import S3Objects
from millwright.core.execution import ObjectKey
from millwright.core.serving_pod import Platform
from millwright.leadership import Leadership, LeaseFence
from millwright.ports import Cluster, Fence, Pipelines
from millwright.queue import KeyedQueue
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler, Packages
from millwright.reconcilers.object_cache import ObjectCache
from millwright.reconcilers.training_run import TrainingRunReconciler, World
from millwright.settings import Kubeflow, Mlflow, Settings

# A look at a Model asks the registry for all its versions: where runs end one after another, one look is for several.
MODEL_REST_SECONDS = 1.0

Endless = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Operator:
    """The running parts. `work`: what goes on as long as this replica leads."""

    cluster: KubernetesCluster
    registry: MlflowRegistry
    measurements: PrometheusMeasurements | NoMeasurements
    kubeflow: KubeflowApi | None
    node_pools: NodePoolsFile
    cache: ObjectCache
    leadership: Leadership
    training_runs: KeyedQueue[ObjectKey]
    models: KeyedQueue[ObjectKey]
    deployments: KeyedQueue[ObjectKey]
    work: tuple[Endless, ...]

    async def run(self, pools_changed: Callable[[], None]) -> None:
        """Works while this replica leads; follows the node pools always."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leadership.run(self._lead))
            group.create_task(self.node_pools.follow(pools_changed))

    async def _lead(self) -> None:
        async with asyncio.TaskGroup() as group:
            for work in self.work:
                group.create_task(work())

    async def close(self) -> None:
        """Closes all connections."""
        if self.kubeflow:
            await self.kubeflow.close()
        await self.measurements.close()
        await self.registry.close()
        await self.cluster.close()


async def build(settings: Settings) -> Operator:
    """Connects everything as the settings say."""
    fence = LeaseFence(elapsed)
    cluster = await KubernetesCluster.connect(fence.passing)
    registry = _registry(settings.mlflow, fence.passing)
    clock = SystemClock()
    jobs = JobSettings(
        image=settings.images.runner,
        tracking_uri=settings.mlflow.tracking_uri,
        storage_secret=settings.storage.secret_name,
        resources=settings.runner_resources,
        mlflow_secret=settings.mlflow.secret_name,
    )
    api = _kubeflow_api(settings.kubeflow, fence.passing)
    node_pools = NodePoolsFile(settings.node_pools_file)
    kubeflow = _kubeflow(settings.kubeflow, cluster, jobs, api, node_pools)
    cache = ObjectCache()
    packages = Packages(settings.storage.packages, partial(_packages, settings.storage.packages, fence.passing))
    packaging = JobPackaging(cluster, jobs, settings.storage.packages)
    world = World(
        pipelines=_backends(settings, EmbeddedPipelines(cluster, jobs, node_pools.current), kubeflow),
        dataset_checks=JobDatasetChecks(cluster, jobs),
        packaging=packaging,
        registry=registry,
        objects=S3Objects(settings.storage.pipelines, fence.passing),
        packages=packages.of,
        queues=KueueQueues(cluster, jobs, node_pools.current) if settings.kueue else NoQueues(),
        pools=node_pools.current,
    )
    platform = Platform(
        image=settings.images.serving,
        storage_secret=settings.storage.secret_name,
        resources=settings.serving_resources,
        runner_image=settings.images.runner,
    )
    model = ModelReconciler(cluster, clock, cache, registry, packages, packaging)
    measurements = PrometheusMeasurements(settings.prometheus.url) if settings.prometheus else NoMeasurements()
    now = partial(_platform, platform, node_pools)
    deployment = DeploymentReconciler(cluster, clock, cache, registry, now, measurements)
    runs = TrainingRunReconciler(cluster, clock, cache, world)
    training_runs = KeyedQueue("TrainingRun", runs.reconcile, settings.workers)
    models = KeyedQueue("Model", model.reconcile, settings.workers, rest=MODEL_REST_SECONDS)
    deployments = KeyedQueue("Deployment", deployment.reconcile, settings.workers)
    follow_models = partial(model.follower.run, models.add)
    followers = (follow_models, *((partial(kubeflow.follow, training_runs.add),) if kubeflow else ()))
    return Operator(
        cluster=cluster,
        registry=registry,
        measurements=measurements,
        kubeflow=api,
        node_pools=node_pools,
        cache=cache,
        leadership=_leadership(settings, cluster, fence),
        training_runs=training_runs,
        models=models,
        deployments=deployments,
        work=(training_runs.run, models.run, deployments.run, *followers),
    )


def _platform(platform: Platform, node_pools: NodePoolsFile) -> Platform:
    """With the node pools as they are now."""
    return replace(platform, pools=node_pools.current())


def _packages(uri: str, fence: Fence, namespace: str) -> S3Objects:
    """What may be touched of a namespace's packages."""
    return S3Objects((f"{uri.rstrip('/')}/{namespace}",), fence)


def _registry(section: Mlflow, fence: Fence) -> MlflowRegistry:
    login = MlflowLogin(section.login_folder)
    return MlflowRegistry(section.tracking_uri, section.public_url, fence=fence, login=login)


def _leadership(settings: Settings, cluster: KubernetesCluster, fence: LeaseFence) -> Leadership:
    lease = KubernetesLease(cluster.api, settings.lease.namespace, settings.lease.name)
    identity = f"{socket.gethostname()}_{uuid4()}"  # a container that was restarted is another
    return Leadership(lease, identity, fence, elapsed)


def _kubeflow_api(section: Kubeflow | None, fence: Fence) -> KubeflowApi | None:
    if section is None:
        return None
    header = section.user_header
    headers = {header.name: header.value} if header else {}
    return KubeflowApi(section.url, Credentials(section.token_file, headers), fence=fence)


def _kubeflow(
    section: Kubeflow | None, cluster: Cluster, jobs: JobSettings, api: KubeflowApi | None, pools: NodePoolsFile
) -> KubeflowPipelines | None:
    if section is None or api is None:
        return None
    chosen = KubeflowSettings(
        public_url=section.public_url or section.url,
        run_namespace=section.run_namespace,
        storage_keys=section.storage_keys,
        mlflow_keys=section.mlflow_keys,
        service_account_name=section.service_account_name,
    )
    return KubeflowPipelines(api, cluster, jobs, chosen, pools.current)


def _backends(settings: Settings, embedded: EmbeddedPipelines, kubeflow: KubeflowPipelines | None) -> Pipelines:
    backends: dict[str, Pipelines] = {"embedded": embedded} | ({"kubeflow": kubeflow} if kubeflow else {})
    return Backends(backends, settings.backend, settings.namespace_backends)
