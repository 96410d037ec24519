"""The embedded pipelines backend: a Job whose one pod runs the compiled IR with Kubeflow's local runner."""

from collections.abc import Callable, Sequence

from millwright.adapters import copies, jobs
from millwright.adapters.copies import FOLDER, STEP
from millwright.adapters.jobs import ConfigMapVolume, JobSettings
from millwright.api.training_run import TrainingRunSpec
from millwright.core.actions import Launch
from millwright.core.execution import EMBEDDED, Execution, PipelineRun, RunReference, Runtime
from millwright.core.ir import InvalidPipeline, Pipeline, image_for_embedded
from millwright.core.node_pools import NodePools
from millwright.core.records import ARGUMENTS, PIPELINE
from millwright.core.strongest import PodPlacement, strongest
from millwright.ports import JOBS, Cluster


class EmbeddedPipelines:
    """Implements ports.Pipelines."""

    def __init__(self, cluster: Cluster, settings: JobSettings, pools: Callable[[], NodePools]) -> None:
        """`pools`: the platform's node pools as they are now."""
        self._cluster = cluster
        self._settings = settings
        self._pools = pools

    def check(self, namespace: str, pipeline: Pipeline, spec: TrainingRunSpec) -> None:
        image_for_embedded(pipeline)
        self._placement(pipeline, spec)

    async def uploaded(self, namespace: str, name: str, version: str | None) -> str | None:
        raise InvalidPipeline("spec.pipeline.name needs the kubeflow backend; name a ConfigMap or an object in S3")

    async def runtime(self, namespace: str) -> Runtime:
        return Runtime(EMBEDDED, image=self._settings.image)

    async def find(self, execution: Execution) -> PipelineRun | None:
        state = await jobs.read(self._cluster, execution.run.namespace, execution.key)
        if state is None:
            return None
        return PipelineRun(
            key=execution.key,
            reference=RunReference(EMBEDDED, execution.key),
            phase=state.phase,
            started=state.started,
            ending=state.ending,
            waiting_for=state.waiting_for,
            blocked=state.blocked,
            cause=state.cause,
            tasks=state.tasks,
            uses=state.uses,
        )

    async def strays(self, execution: Execution) -> Sequence[str]:
        return await jobs.strays(self._cluster, execution, STEP)

    async def launch(self, launch: Launch, mlflow_run_id: str) -> None:
        """The ConfigMap first: a Job whose ConfigMap is missing would wait for ever."""
        execution = launch.execution
        await copies.keep(self._cluster, launch)
        args = ["run", "--pipeline", f"{FOLDER}/{PIPELINE}", "--parameters", f"{FOLDER}/{ARGUMENTS}"]
        job = jobs.job(
            execution,
            launch.spec,
            self._settings,
            jobs.labels(execution, launch.spec, STEP),
            name=execution.key,
            args=[*args, "--workspace", "/workspace"],
            mlflow_run_id=mlflow_run_id,
            image=image_for_embedded(launch.pipeline),
            config_map=ConfigMapVolume(execution.key, FOLDER),
            placement=self._placement(launch.pipeline, launch.spec),
        )
        await self._cluster.create(JOBS, job)

    def _placement(self, pipeline: Pipeline, spec: TrainingRunSpec) -> PodPlacement:
        sizes = self._settings.resources
        return strongest(pipeline, spec.node_pools, self._pools(), sizes.get("requests"), sizes.get("limits"))

    async def stop(self, execution: Execution, key: str) -> None:
        await self._cluster.delete(JOBS, execution.run.namespace, key, foreground=True)
        await copies.drop(self._cluster, execution, key)

    async def prune(self, execution: Execution, key: str) -> None:
        await self.stop(execution, key)

    async def forget(self, execution: Execution) -> None:
        """Jobs and ConfigMaps go with the TrainingRun that owns them."""
