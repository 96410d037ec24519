"""Looks at data sets: a restricted Job in the namespace, as only the namespace's own Secret may read its data.

One Job for a TrainingRun, so that nothing is left over from executions that came to nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from millwright.adapters import jobs
from millwright.adapters.jobs import EXECUTION_LABEL, JobSettings, JobState
from millwright.api.training_inputs import Dataset
from millwright.api.training_results import DatasetStatus
from millwright.core.actions import CheckDatasets
from millwright.core.execution import DatasetCheck, Execution
from millwright.ports import JOBS, Cluster

STEP = "datasets"
KEPT_SECONDS = 86400


class JobDatasetChecks:
    """Implements ports.DatasetChecks."""

    def __init__(self, cluster: Cluster, settings: JobSettings) -> None:
        self._cluster = cluster
        self._settings = settings

    async def find(self, execution: Execution) -> DatasetCheck | None:
        state = await jobs.read(self._cluster, execution.run.namespace, _name(execution))
        if state is None or state.execution != execution.key:
            return None
        return DatasetCheck(state.phase, state.cause, state.waiting_for, state.ended, state.ending, _found(state))

    async def start(self, request: CheckDatasets) -> None:
        execution, name = request.execution, _name(request.execution)
        there = await self._cluster.get(JOBS, execution.run.namespace, name)
        if there is not None and there["metadata"]["labels"][EXECUTION_LABEL] != execution.key:
            return await self.stop(execution)
        datasets = json.dumps([_asked(dataset, request.known) for dataset in request.datasets])
        args = ["check", "--datasets", datasets]
        labels = jobs.labels(execution, request.spec, STEP)
        job = jobs.job(execution, request.spec, self._settings, labels, name, args, mlflow_run_id="", restarts=0)
        job["spec"]["ttlSecondsAfterFinished"] = KEPT_SECONDS
        await self._cluster.create(JOBS, job)

    async def stop(self, execution: Execution) -> None:
        await self._cluster.delete(JOBS, execution.run.namespace, _name(execution), foreground=True)


def _name(execution: Execution) -> str:
    """Of the TrainingRun, and no execution's key."""
    digest = hashlib.sha256(execution.uid.encode()).hexdigest()[:10]
    return f"{execution.run.name[:40].rstrip('-.')}-{digest}-{STEP}"


def _asked(dataset: Dataset, known: Iterable[DatasetStatus]) -> dict[str, Any]:
    before = next((k for k in known if (k.name, k.uri) == (dataset.name, dataset.uri) and k.digest), None)
    known_as = {"known": {"etag": before.etag, "digest": before.digest}} if before else {}
    return dataset.manifest() | known_as


def _found(state: JobState) -> tuple[DatasetStatus, ...]:
    told: list[Mapping[str, Any]] = state.report.get("datasets", [])
    return tuple(DatasetStatus.model_validate(dataset) for dataset in told)
