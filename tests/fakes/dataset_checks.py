"""Looks at data sets, at objects in memory."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from tests.fakes.objects import FakeObjects

from millwright.api.training_inputs import Dataset
from millwright.api.training_results import DatasetStatus
from millwright.core.actions import CheckDatasets
from millwright.core.execution import Cause, DatasetCheck, Execution, ObjectKey, Phase


class FakeDatasetChecks:
    """Implements ports.DatasetChecks: each look ends at once. `read` is the ledger of what was read whole."""

    def __init__(self, objects: FakeObjects, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._contents = objects.contents
        self._now = now
        self.read: list[str] = []
        self.current: dict[ObjectKey, tuple[str, DatasetCheck]] = {}

    async def find(self, execution: Execution) -> DatasetCheck | None:
        key, check = self.current.get(execution.run, ("", None))
        return check if key == execution.key else None

    async def start(self, request: CheckDatasets) -> None:
        execution = request.execution
        if self.current.get(execution.run, ("",))[0] != execution.key:
            self.current[execution.run] = (execution.key, replace(self._look(request), ended=self._now()))

    async def stop(self, execution: Execution) -> None:
        self.current.pop(execution.run, None)

    def _look(self, request: CheckDatasets) -> DatasetCheck:
        missing = [d.uri for d in request.datasets if d.uri not in self._contents]
        if missing:
            return DatasetCheck(Phase.FAILED, Cause("DatasetNotFound", f"{missing[0]} is not there"))
        found = tuple(self._found(dataset, request) for dataset in request.datasets)
        wrong = [d.uri for d, it in zip(request.datasets, found, strict=True) if d.digest != it.digest]
        if wrong:
            cause = Cause("DatasetDigestMismatch", f"{wrong[0]} has another digest", final=True)
            return DatasetCheck(Phase.FAILED, cause, found=found)
        return DatasetCheck(Phase.SUCCEEDED, found=found)

    def _found(self, dataset: Dataset, request: CheckDatasets) -> DatasetStatus:
        content = self._contents[dataset.uri]
        found = DatasetStatus(name=dataset.name, uri=dataset.uri, etag=hashlib.md5(content).hexdigest())
        if dataset.digest is None:
            return found
        known = {(k.uri, k.etag): k.digest for k in request.known if k.digest}
        digest = known.get((found.uri, found.etag)) or self._digest(dataset.uri)
        return found.model_copy(update={"digest": digest})

    def _digest(self, uri: str) -> str:
        self.read.append(uri)
        return f"sha256:{hashlib.sha256(self._contents[uri]).hexdigest()}"
