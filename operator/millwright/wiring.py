"""Settings → adapters → reconcilers → queues. The only place that constructs."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from millwright.adapters.backends import Backends
from millwright.adapters.clock import SystemClock
from millwright.adapters.dataset_checks import JobDatasetChecks
from millwright.adapters.embedded import EmbeddedPipelines
from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubeflow import KubeflowPipelines, KubeflowSettings
from millwright.adapters.kubeflow_api import Credentials, KubeflowApi
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.kueue import KueueQueues, NoQueues
from millwright.adapters.mlflow import MlflowRegistry
from millwright.adapters.node_pools import NodePoolsFile
from millwright.adapters.packaging import JobPackaging
from millwright.adapters.s3 import S3Objects
from millwright.adapters.watched_models import WatchedModels
from millwright.core.execution import ObjectKey
from millwright.core.serving_pod import Platform
from millwright.ports import Cluster, Pipelines
from millwright.queue import KeyedQueue
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler, Packages
from millwright.reconcilers.training_run import TrainingRunReconciler, World
from millwright.settings import Kubeflow, Settings

Endless = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Operator:
    """The running parts. `endless`: the work that goes on as long as the operator does."""

    cluster: KubernetesCluster
    registry: MlflowRegistry
    kubeflow: KubeflowApi | None
    node_pools: NodePoolsFile
    models_seen: WatchedModels
    training_runs: KeyedQueue[ObjectKey]
    models: KeyedQueue[ObjectKey]
    deployments: KeyedQueue[ObjectKey]
    endless: tuple[Endless, ...]

    async def close(self) -> None:
        """Closes all connections."""
        if self.kubeflow:
            await self.kubeflow.close()
        await self.registry.close()
        await self.cluster.close()


async def build(settings: Settings) -> Operator:
    """Connects everything as the settings say."""
    cluster = await KubernetesCluster.connect()
    registry = MlflowRegistry(settings.mlflow.tracking_uri, settings.mlflow.public_url)
    clock = SystemClock()
    jobs = JobSettings(
        image=settings.images.runner,
        tracking_uri=settings.mlflow.tracking_uri,
        storage_secret=settings.storage.secret_name,
        resources=settings.runner_resources,
    )
    api = _kubeflow_api(settings.kubeflow)
    node_pools = NodePoolsFile(settings.node_pools_file)
    kubeflow = _kubeflow(settings.kubeflow, cluster, jobs, api, node_pools)
    seen = WatchedModels(cluster)
    packages = Packages(settings.storage.packages, partial(_packages, settings.storage.packages))
    packaging = JobPackaging(cluster, jobs, settings.storage.packages)
    world = World(
        models=seen,
        pipelines=_backends(settings, EmbeddedPipelines(cluster, jobs, node_pools.current), kubeflow),
        dataset_checks=JobDatasetChecks(cluster, jobs),
        packaging=packaging,
        registry=registry,
        objects=S3Objects(settings.storage.pipelines),
        packages=packages.of,
        queues=KueueQueues(cluster, jobs, node_pools.current) if settings.kueue else NoQueues(),
        pools=node_pools.current,
    )
    platform = Platform(settings.images.serving, settings.storage.secret_name, settings.serving_resources)
    model = ModelReconciler(cluster, clock, registry, packages, packaging)
    deployment = DeploymentReconciler(cluster, clock, registry, lambda: replace(platform, pools=node_pools.current()))
    training_runs = KeyedQueue("TrainingRun", TrainingRunReconciler(cluster, clock, world).reconcile, settings.workers)
    models = KeyedQueue("Model", model.reconcile, settings.workers)
    deployments = KeyedQueue("Deployment", deployment.reconcile, settings.workers)
    followers = (partial(kubeflow.follow, training_runs.add),) if kubeflow else ()
    return Operator(
        cluster=cluster,
        registry=registry,
        kubeflow=api,
        node_pools=node_pools,
        models_seen=seen,
        training_runs=training_runs,
        models=models,
        deployments=deployments,
        endless=(training_runs.run, models.run, deployments.run, *followers),
    )


def _packages(uri: str, namespace: str) -> S3Objects:
    """What may be touched of a namespace's packages."""
    return S3Objects((f"{uri.rstrip('/')}/{namespace}",))


def _kubeflow_api(section: Kubeflow | None) -> KubeflowApi | None:
    if section is None:
        return None
    header = section.user_header
    headers = {header.name: header.value} if header else {}
    return KubeflowApi(section.url, Credentials(section.token_file, headers))


def _kubeflow(
    section: Kubeflow | None, cluster: Cluster, jobs: JobSettings, api: KubeflowApi | None, pools: NodePoolsFile
) -> KubeflowPipelines | None:
    if section is None or api is None:
        return None
    chosen = KubeflowSettings(
        public_url=section.public_url or section.url,
        run_namespace=section.run_namespace,
        storage_keys=section.storage_keys,
        service_account_name=section.service_account_name,
    )
    return KubeflowPipelines(api, cluster, jobs, chosen, pools.current)


def _backends(settings: Settings, embedded: EmbeddedPipelines, kubeflow: KubeflowPipelines | None) -> Pipelines:
    backends: dict[str, Pipelines] = {"embedded": embedded} | ({"kubeflow": kubeflow} if kubeflow else {})
    return Backends(backends, settings.backend, settings.namespace_backends)
