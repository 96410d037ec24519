"""Settings → adapters → reconcilers → queues. The only place that constructs."""

import asyncio
import socket
from dataclasses import dataclass
from uuid import uuid4

from millwright.adapters.backends import Backends
from millwright.adapters.clock import SystemClock, elapsed
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
from millwright.adapters.s3 import S3Objects
from millwright.core.execution import ObjectKey
from millwright.core.version_set import Platform
from millwright.leadership import Leadership, LeaseFence
from millwright.ports import Fence, Pipelines
from millwright.queue import KeyedQueue
from millwright.reconcilers.deployment import DeploymentReconciler
from millwright.reconcilers.model import ModelReconciler
from millwright.reconcilers.training_run import TrainingRunReconciler, World
from millwright.settings import Kubeflow, Mlflow, Settings


@dataclass(frozen=True)
class Operator:
    """The running parts."""

    cluster: KubernetesCluster
    registry: MlflowRegistry
    kubeflow: KubeflowApi | None
    node_pools: NodePoolsFile
    leadership: Leadership
    training_runs: KeyedQueue[ObjectKey]
    models: KeyedQueue[ObjectKey]
    deployments: KeyedQueue[ObjectKey]

    async def run(self) -> None:
        """Works on the queues while this replica leads; follows the node pools always."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leadership.run(self._work))
            group.create_task(self.node_pools.follow())

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for queue in (self.training_runs, self.models, self.deployments):
                group.create_task(queue.run())

    async def close(self) -> None:
        """Closes all connections."""
        if self.kubeflow:
            await self.kubeflow.close()
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
    kubeflow = _kubeflow(settings.kubeflow, fence.passing)
    node_pools = NodePoolsFile(settings.node_pools_file)
    world = World(
        pipelines=_backends(settings, cluster, jobs, kubeflow, node_pools),
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
        leadership=_leadership(settings, cluster, fence),
        training_runs=KeyedQueue("TrainingRun", training_runs.reconcile, settings.workers),
        models=KeyedQueue("Model", models.reconcile, settings.workers),
        deployments=KeyedQueue("Deployment", deployments.reconcile, settings.workers),
    )


def _registry(section: Mlflow, fence: Fence) -> MlflowRegistry:
    login = MlflowLogin(section.login_folder)
    return MlflowRegistry(section.tracking_uri, section.public_url, fence=fence, login=login)


def _leadership(settings: Settings, cluster: KubernetesCluster, fence: LeaseFence) -> Leadership:
    lease = KubernetesLease(cluster.api, settings.lease.namespace, settings.lease.name)
    identity = f"{socket.gethostname()}_{uuid4()}"  # a container that was restarted is another
    return Leadership(lease, identity, fence, elapsed)


def _kubeflow(section: Kubeflow | None, fence: Fence) -> KubeflowApi | None:
    if section is None:
        return None
    header = section.user_header
    headers = {header.name: header.value} if header else {}
    return KubeflowApi(section.url, Credentials(section.token_file, headers), fence=fence)


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
            mlflow_keys=section.mlflow_keys,
            service_account_name=section.service_account_name,
        )
        backends["kubeflow"] = KubeflowPipelines(api, cluster, jobs, chosen, pools.current)
    return Backends(backends, settings.backend, settings.namespace_backends)
