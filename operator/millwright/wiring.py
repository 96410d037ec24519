"""Settings → adapters → reconcilers → queues. The only place that constructs."""

from dataclasses import dataclass

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
from millwright.core.execution import ObjectKey
from millwright.core.version_set import Platform
from millwright.ports import Pipelines
from millwright.queue import KeyedQueue
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler
from millwright.reconcilers.training_run import TrainingRunReconciler, World
from millwright.settings import Kubeflow, Settings


@dataclass(frozen=True)
class Operator:
    """The running parts."""

    cluster: KubernetesCluster
    registry: MlflowRegistry
    kubeflow: KubeflowApi | None
    node_pools: NodePoolsFile
    training_runs: KeyedQueue[ObjectKey]
    models: KeyedQueue[ObjectKey]
    deployments: KeyedQueue[ObjectKey]

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
    kubeflow = _kubeflow(settings.kubeflow)
    node_pools = NodePoolsFile(settings.node_pools_file)
    world = World(
        pipelines=_backends(settings, cluster, jobs, kubeflow, node_pools),
        dataset_checks=JobDatasetChecks(cluster, jobs),
        packaging=JobPackaging(cluster, jobs, settings.storage.packages),
        registry=registry,
        objects=S3Objects(settings.storage.pipelines),
        packages=lambda namespace: S3Objects((f"{settings.storage.packages.rstrip('/')}/{namespace}",)),
        queues=KueueQueues(cluster, jobs, node_pools.current) if settings.kueue else NoQueues(),
        pools=node_pools.current,
    )
    platform = Platform(settings.images.serving, settings.storage.secret_name, settings.serving_resources)
    training_runs = TrainingRunReconciler(cluster, clock, world)
    models = ModelReconciler(cluster, clock, registry)
    deployments = DeploymentReconciler(cluster, clock, registry, platform)
    return Operator(
        cluster=cluster,
        registry=registry,
        kubeflow=kubeflow,
        node_pools=node_pools,
        training_runs=KeyedQueue("TrainingRun", training_runs.reconcile, settings.workers),
        models=KeyedQueue("Model", models.reconcile, settings.workers),
        deployments=KeyedQueue("Deployment", deployments.reconcile, settings.workers),
    )


def _kubeflow(section: Kubeflow | None) -> KubeflowApi | None:
    if section is None:
        return None
    header = section.user_header
    headers = {header.name: header.value} if header else {}
    return KubeflowApi(section.url, Credentials(section.token_file, headers))


def _backends(
    settings: Settings, cluster: KubernetesCluster, jobs: JobSettings, api: KubeflowApi | None, pools: NodePoolsFile
) -> Pipelines:
    backends: dict[str, Pipelines] = {"embedded": EmbeddedPipelines(cluster, jobs, pools.current)}
    section = settings.kubeflow
    if section is not None and api is not None:
        chosen = KubeflowSettings(
            public_url=section.public_url or section.url,
            run_namespace=section.run_namespace,
            storage_keys=section.storage_keys,
            service_account_name=section.service_account_name,
        )
        backends["kubeflow"] = KubeflowPipelines(api, cluster, jobs, chosen, pools.current)
    return Backends(backends, settings.backend, settings.namespace_backends)
