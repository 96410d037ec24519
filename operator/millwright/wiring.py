"""Settings → adapters → reconcilers → queues. The only place that constructs."""

from dataclasses import dataclass

from millwright.adapters.clock import SystemClock
from millwright.adapters.embedded import EmbeddedPipelines
from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.mlflow import MlflowRegistry
from millwright.adapters.packaging import JobPackaging
from millwright.core.execution import ObjectKey
from millwright.core.version_set import Platform
from millwright.queue import KeyedQueue
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler
from millwright.reconcilers.training_run import TrainingRunReconciler, World
from millwright.settings import Settings


@dataclass(frozen=True)
class Operator:
    """The running parts."""

    cluster: KubernetesCluster
    registry: MlflowRegistry
    training_runs: KeyedQueue[ObjectKey]
    models: KeyedQueue[ObjectKey]
    deployments: KeyedQueue[ObjectKey]

    async def close(self) -> None:
        """Closes all connections."""
        await self.registry.close()
        await self.cluster.close()


async def build(settings: Settings) -> Operator:
    """Connects everything as the settings say."""
    cluster = await KubernetesCluster.connect()
    registry = MlflowRegistry(settings.mlflow.tracking_uri, settings.mlflow.public_url)
    clock = SystemClock()
    job_settings = JobSettings(
        image=settings.images.runner,
        tracking_uri=settings.mlflow.tracking_uri,
        storage_secret=settings.storage.secret_name,
        resources=settings.runner_resources,
    )
    world = World(
        pipelines=EmbeddedPipelines(cluster, job_settings),
        packaging=JobPackaging(cluster, job_settings, settings.storage.packages),
        registry=registry,
    )
    platform = Platform(settings.images.serving, settings.storage.secret_name, settings.serving_resources)
    training_runs = TrainingRunReconciler(cluster, clock, world)
    models = ModelReconciler(cluster, clock, registry)
    deployments = DeploymentReconciler(cluster, clock, registry, platform)
    return Operator(
        cluster=cluster,
        registry=registry,
        training_runs=KeyedQueue("TrainingRun", training_runs.reconcile, settings.workers),
        models=KeyedQueue("Model", models.reconcile, settings.workers),
        deployments=KeyedQueue("Deployment", deployments.reconcile, settings.workers),
    )
