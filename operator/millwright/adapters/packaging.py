"""Packaging: a restricted Job converts a model, compares predictions, and stores the package."""

from collections.abc import Sequence

from millwright.adapters import jobs
from millwright.adapters.copies import FOLDER
from millwright.adapters.jobs import ConfigMapVolume, JobSettings
from millwright.core.actions import ImportModel, PackageModel
from millwright.core.execution import Execution, PackagingRun
from millwright.core.imports import Import
from millwright.ports import JOBS, Cluster, Manifest

STEP = "package"
RESTARTS = 2


class JobPackaging:
    """Implements ports.Packaging."""

    def __init__(self, cluster: Cluster, settings: JobSettings, packages_uri: str) -> None:
        """`packages_uri`: the prefix under which packages are stored, for example s3://models."""
        self._cluster = cluster
        self._settings = settings
        self._packages_uri = packages_uri.rstrip("/")

    async def find(self, namespace: str, key: str) -> PackagingRun | None:
        state = await jobs.read(self._cluster, namespace, _name(key))
        if state is None:
            return None
        return PackagingRun(state.phase, state.cause, state.waiting_for, state.ended, state.ending)

    async def start(self, request: PackageModel | ImportModel) -> None:
        job = self._of_logged(request) if isinstance(request, PackageModel) else self._of_foreign(request)
        await self._cluster.create(JOBS, job)

    async def strays(self, execution: Execution) -> Sequence[str]:
        return await jobs.strays(self._cluster, execution, STEP)

    async def stop(self, namespace: str, key: str) -> None:
        await self._cluster.delete(JOBS, namespace, _name(key), foreground=True)

    def _of_logged(self, request: PackageModel) -> Manifest:
        execution, spec = request.execution, request.spec
        return jobs.job(
            execution,
            spec,
            self._settings,
            jobs.labels(execution, spec, STEP),
            name=_name(execution.key),
            args=["package", *self._place(execution, spec.output.model, request.model.allow_pickle), "--copy", FOLDER],
            mlflow_run_id=request.mlflow_run_id,
            restarts=RESTARTS,
            config_map=ConfigMapVolume(execution.key, FOLDER, optional=True),
        )

    def _of_foreign(self, request: ImportModel) -> Manifest:
        wanted = request.wanted
        return jobs.job(
            wanted,
            wanted.source,
            self._settings,
            jobs.import_labels(wanted),
            name=_name(wanted.key),
            args=["import", *self._place(wanted, wanted.model.name, wanted.allow_pickle), *_source(wanted)],
            mlflow_run_id=request.mlflow_run_id,
            restarts=0,
        )

    def _place(self, execution: Execution | Import, model: str, allow_pickle: bool) -> list[str]:
        place = f"{self._packages_uri}/{execution.owner.key.namespace}/{model}/{execution.key}"
        return ["--destination", place, *(["--allow-pickle"] if allow_pickle else [])]


def _source(wanted: Import) -> list[str]:
    source, sample = wanted.source, wanted.source.sample
    options = {
        "--source": source.uri,
        "--format": source.format,
        "--digest": source.digest,
        "--sample": sample.uri if sample else None,
        "--sample-digest": sample.digest if sample else None,
    }
    return [word for name, value in options.items() if value for word in (name, value)]


def _name(key: str) -> str:
    return f"{key}-{STEP}"
