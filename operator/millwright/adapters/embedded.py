"""The embedded pipelines backend: a Job whose one pod runs the compiled IR with Kubeflow's local runner."""

import json
from collections.abc import Sequence

from millwright.adapters import jobs
from millwright.adapters.jobs import JobSettings
from millwright.core.actions import Launch
from millwright.core.execution import Execution, PipelineRun
from millwright.ports import CONFIG_MAPS, JOBS, Cluster

FOLDER = "/etc/millwright"


class EmbeddedPipelines:
    """Implements ports.Pipelines."""

    def __init__(self, cluster: Cluster, settings: JobSettings) -> None:
        self._cluster = cluster
        self._settings = settings

    async def find(self, execution: Execution) -> PipelineRun | None:
        state = await jobs.read(self._cluster, execution.run.namespace, execution.key)
        if state is None:
            return None
        return PipelineRun(
            execution.key,
            state.phase,
            state.suspended,
            state.waiting_for,
            state.cause,
            state.tasks,
            state.deadline_seconds,
        )

    async def strays(self, execution: Execution) -> Sequence[str]:
        return [key for key in await jobs.unfinished(self._cluster, execution) if key != execution.key]

    async def launch(self, launch: Launch) -> None:
        """The ConfigMap first: a Job whose ConfigMap is missing would wait for ever."""
        execution = launch.execution
        await self._cluster.create(CONFIG_MAPS, _config_map(launch))
        args = ["run", "--pipeline", f"{FOLDER}/pipeline.yaml", "--parameters", f"{FOLDER}/parameters.json"]
        job = jobs.job(
            execution,
            launch.spec,
            self._settings,
            step="pipeline",
            name=execution.key,
            args=[*args, "--workspace", "/workspace"],
            mlflow_run_id=launch.mlflow_run_id,
            image=launch.pipeline.image,
            config_map=execution.key,
            active_deadline_seconds=launch.spec.active_deadline_seconds,
        )
        await self._cluster.create(JOBS, job)

    async def set_suspended(self, execution: Execution, key: str, suspended: bool) -> None:
        await self._cluster.patch(JOBS, execution.run.namespace, key, {"spec": {"suspend": suspended}})

    async def terminate(self, execution: Execution, key: str) -> None:
        for name in (key, f"{key}-package"):
            await self._cluster.delete(JOBS, execution.run.namespace, name)
        await self._cluster.delete(CONFIG_MAPS, execution.run.namespace, key)


def _config_map(launch: Launch) -> dict[str, object]:
    execution = launch.execution
    labels = jobs.labels(execution, launch.spec, "pipeline")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": jobs.metadata(execution, execution.key, labels),
        "immutable": True,
        "data": {"pipeline.yaml": launch.pipeline.text, "parameters.json": json.dumps(launch.spec.parameters)},
    }
