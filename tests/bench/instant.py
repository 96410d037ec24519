"""Fakes of the ports that cost nothing, however many runs there are: what is measured is the operator.

They wake the queue where a real backend's Jobs would, by the watch on them.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tests.fakes.pipelines import FakePackaging, FakePipelines
from tests.fakes.registry import FakeRegistry

from millwright.core.actions import ImportModel, Launch, PackageModel
from millwright.core.execution import Execution, ObjectKey, Package, PackagingRun, Phase, PipelineRun, TrackedRun

Wake = Callable[[ObjectKey], None]


class InstantRegistry(FakeRegistry):
    """MLflow with an index, as its database has one."""

    def __init__(self) -> None:
        super().__init__()
        self._ids: dict[str, dict[str, str]] = defaultdict(dict)
        self._id_of: dict[str, str] = {}

    async def open_run(self, experiment: str, key: str, tags: Mapping[str, str]) -> str:
        run_id = await super().open_run(experiment, key, tags)
        self._ids[experiment][key] = self._id_of[key] = run_id
        return run_id

    async def find_run(self, experiment: str, key: str) -> TrackedRun | None:
        run_id = self._ids[experiment].get(key)
        return self.runs[run_id][2] if run_id else None

    async def open_executions(self, experiment: str) -> Sequence[str]:
        ids = self._ids[experiment]
        return sorted(key for key, run_id in ids.items() if self.runs[run_id][2].status == "RUNNING")

    def package(self, key: str, package: Package) -> None:
        """As the packaging Job does through MLflow."""
        run_id = self._id_of[key]
        experiment, _, run = self.runs[run_id]
        self.runs[run_id] = (experiment, key, replace(run, package=package))

    async def close(self) -> None:
        """Nothing to close."""


class InstantPipelines(FakePipelines):
    """A run is seen running once, and has ended at the next look."""

    def __init__(self, wake: Wake) -> None:
        super().__init__()
        self._wake = wake
        self._under_way: dict[str, set[str]] = defaultdict(set)

    async def launch(self, launch: Launch, mlflow_run_id: str) -> None:
        await super().launch(launch, mlflow_run_id)
        self._under_way[launch.execution.uid].add(launch.execution.key)

    async def find(self, execution: Execution) -> PipelineRun | None:
        run = await super().find(execution)
        if run is not None and run.phase is Phase.RUNNING:
            self._wake(execution.run)
        elif run is not None:
            self._under_way[execution.uid].discard(execution.key)
        return run

    async def strays(self, execution: Execution) -> Sequence[str]:
        return sorted(self._under_way[execution.uid] - {execution.key})


class InstantPackaging(FakePackaging):
    """A package is there at once."""

    def __init__(self, registry: InstantRegistry, wake: Wake) -> None:
        super().__init__(registry)
        self._runs = registry
        self._wake = wake
        self._packaged: set[str] = set()

    async def find(self, namespace: str, key: str) -> PackagingRun | None:
        return PackagingRun(Phase.SUCCEEDED) if key in self._packaged else None

    async def start(self, request: PackageModel | ImportModel) -> None:
        assert isinstance(request, PackageModel), "no Model here imports"
        key = request.execution.key
        self._packaged.add(key)
        self._runs.package(key, Package(f"s3://models/{key}", "sha256:" + "a" * 64, "onnx", "m-1"))
        self._wake(request.execution.run)
