"""A pipelines backend and packaging in memory. Runs end when the test says so, or after a number of looks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.fakes.registry import FakeRegistry

from millwright.core import ir
from millwright.core.actions import Launch, PackageModel
from millwright.core.execution import Cause, Execution, Package, PackagingRun, Phase, PipelineRun, Task


class FakePipelines:
    """Implements ports.Pipelines; `launched` is the ledger."""

    def __init__(self, looks: int = 2, outcomes: Sequence[Cause | None] = ()) -> None:
        """`outcomes`: how each launch in turn ends; None, and all after the last, succeed."""
        self.launched: list[str] = []
        self.terminated: list[str] = []
        self.runs: dict[str, PipelineRun] = {}
        self._looks = looks
        self._seen: dict[str, int] = {}
        self._outcomes = list(outcomes)
        self._ends: dict[str, Cause | None] = {}
        self._launches: dict[str, Launch] = {}

    async def find(self, execution: Execution) -> PipelineRun | None:
        run = self.runs.get(execution.key)
        if run is None or run.suspended:
            return run
        seen = self._seen[run.key] = self._seen.get(run.key, 0) + 1
        if run.phase is Phase.RUNNING and seen >= self._looks:
            cause = self._ends[run.key]
            names = ir.parse(self._launches[run.key].pipeline.text).spec["root"]["dag"]["tasks"]
            tasks = () if cause else tuple(Task(name, "Succeeded") for name in names)
            run = replace(run, phase=Phase.FAILED if cause else Phase.SUCCEEDED, cause=cause, tasks=tasks)
            self.runs[run.key] = run
        return run

    async def strays(self, execution: Execution) -> Sequence[str]:
        under_way = (key for key, run in self.runs.items() if run.phase is Phase.RUNNING and key != execution.key)
        return [key for key in under_way if self._launches[key].execution.uid == execution.uid]

    async def launch(self, launch: Launch) -> None:
        key = launch.execution.key
        if key not in self.runs:
            self.launched.append(key)
            self._launches[key] = launch
            self.runs[key] = PipelineRun(key, Phase.RUNNING, deadline_seconds=launch.spec.active_deadline_seconds)
            self._ends[key] = self._outcomes.pop(0) if self._outcomes else None

    async def set_suspended(self, execution: Execution, key: str, suspended: bool) -> None:
        if key in self.runs:
            self.runs[key] = replace(self.runs[key], suspended=suspended)

    async def terminate(self, execution: Execution, key: str) -> None:
        if self.runs.pop(key, None) is not None:
            self.terminated.append(key)


@dataclass
class FakePackaging:
    """Implements ports.Packaging: packages at once, and reports through the registry as the real Job does."""

    registry: FakeRegistry
    failure: Cause | None = None

    def __post_init__(self) -> None:
        self.started: list[str] = []

    async def find(self, execution: Execution) -> PackagingRun | None:
        if execution.key not in self.started:
            return None
        return PackagingRun(Phase.FAILED if self.failure else Phase.SUCCEEDED, self.failure)

    async def start(self, request: PackageModel) -> None:
        key = request.execution.key
        if key in self.started:
            return
        self.started.append(key)
        if self.failure is None:
            package = Package(f"s3://models/{key}", "sha256:" + "a" * 64, "onnx", "m-1")
            self.registry.update_run(key, package=package)
