"""Packaging: a restricted Job converts what training logged, compares predictions, and stores the package."""

from collections.abc import Sequence

from millwright.adapters import jobs
from millwright.adapters.copies import FOLDER
from millwright.adapters.jobs import ConfigMapVolume, JobSettings
from millwright.core.actions import PackageModel
from millwright.core.execution import Execution, PackagingRun
from millwright.ports import JOBS, Cluster

STEP = "package"
RESTARTS = 2


class JobPackaging:
    """Implements ports.Packaging."""

    def __init__(self, cluster: Cluster, settings: JobSettings, packages_uri: str) -> None:
        """`packages_uri`: the prefix under which packages are stored, for example s3://models."""
        self._cluster = cluster
        self._settings = settings
        self._packages_uri = packages_uri.rstrip("/")

    async def find(self, execution: Execution) -> PackagingRun | None:
        state = await jobs.read(self._cluster, execution.run.namespace, _name(execution.key))
        return PackagingRun(state.phase, state.cause, state.ended, state.ending) if state else None

    async def start(self, request: PackageModel) -> None:
        execution = request.execution
        place = f"{execution.run.namespace}/{request.spec.output.model}/{execution.key}"
        allow = ["--allow-pickle"] if request.model.allow_pickle else []
        job = jobs.job(
            execution,
            request.spec,
            self._settings,
            step=STEP,
            name=_name(execution.key),
            args=["package", "--destination", f"{self._packages_uri}/{place}", "--copy", FOLDER, *allow],
            mlflow_run_id=request.mlflow_run_id,
            restarts=RESTARTS,
            config_map=ConfigMapVolume(execution.key, FOLDER, optional=True),
        )
        await self._cluster.create(JOBS, job)

    async def strays(self, execution: Execution) -> Sequence[str]:
        return await jobs.strays(self._cluster, execution, STEP)

    async def stop(self, execution: Execution, key: str) -> None:
        await self._cluster.delete(JOBS, execution.run.namespace, _name(key), foreground=True)


def _name(key: str) -> str:
    return f"{key}-{STEP}"
