"""A pipelines backend and packaging in memory. Runs end when the test says so, or after a number of looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.fakes.cluster import FakeCluster
from tests.fakes.objects import FakeObjects
from tests.fakes.registry import FakeRegistry

from millwright.adapters import copies
from millwright.api.training_run import TrainingRunSpec
from millwright.core import ir
from millwright.core.actions import ImportModel, Launch, PackageModel
from millwright.core.execution import (
    EMBEDDED,
    Cause,
    Execution,
    Package,
    PackagingRun,
    Phase,
    PipelineRun,
    RunReference,
    Runtime,
    Task,
)
from millwright.core.ir import Pipeline
from millwright.ports import CONFIG_MAPS, Cluster

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST, SOURCE_DIGEST = "sha256:" + "a" * 64, "sha256:" + "b" * 64


class FakePipelines:
    """Implements ports.Pipelines; `launched` is the ledger."""

    def __init__(
        self,
        looks: int = 2,
        outcomes: Sequence[Cause | None] = (),
        keeps_record: bool = False,
        cluster: Cluster | None = None,
    ) -> None:
        """`outcomes`: how each launch in turn ends; None, and all after the last, succeed. `cluster`: keeps copies."""
        self._cluster = cluster or FakeCluster()
        self.launched: list[str] = []
        self.stopped: list[str] = []
        self.forgotten: list[str] = []
        self.runs: dict[str, PipelineRun] = {}
        self._keeps_record = keeps_record
        self.looks = looks
        self._seen: dict[str, int] = {}
        self._outcomes = list(outcomes)
        self._ends: dict[str, Cause | None] = {}
        self.launches: dict[str, Launch] = {}

    def check(self, namespace: str, pipeline: Pipeline, spec: TrainingRunSpec) -> None:
        ir.image_for_embedded(pipeline)

    async def uploaded(self, namespace: str, name: str, version: str | None) -> str | None:
        return None

    async def runtime(self, namespace: str) -> Runtime:
        return Runtime("fake", "1.2", "runner:1")

    async def find(self, execution: Execution) -> PipelineRun | None:
        run = self.runs.get(execution.key)
        if run is None:
            return None
        seen = self._seen[run.key] = self._seen.get(run.key, 0) + 1
        if run.phase is Phase.RUNNING and seen >= self.looks:
            cause = self._ends[run.key]
            names = self.launches[run.key].pipeline.spec["root"]["dag"]["tasks"]
            tasks = () if cause else tuple(Task(name, "Succeeded") for name in names)
            run = replace(run, phase=Phase.FAILED if cause else Phase.SUCCEEDED, cause=cause, tasks=tasks)
            self.runs[run.key] = run
        return run

    def show(self, phase: Phase, **changes: Any) -> None:
        """Lets all runs look like this from now on."""
        self.runs = {key: replace(run, phase=phase, **changes) for key, run in self.runs.items()}

    async def strays(self, execution: Execution) -> Sequence[str]:
        under_way = (key for key, run in self.runs.items() if run.phase is Phase.RUNNING and key != execution.key)
        return [key for key in under_way if self.launches[key].execution.uid == execution.uid]

    async def launch(self, launch: Launch, mlflow_run_id: str) -> None:
        key = launch.execution.key
        if key not in self.runs:
            await copies.keep(self._cluster, launch)
            self.launched.append(key)
            self.launches[key] = launch
            self.runs[key] = PipelineRun(
                key, RunReference("fake" if self._keeps_record else EMBEDDED, key), Phase.RUNNING, EPOCH
            )
            self._ends[key] = self._outcomes.pop(0) if self._outcomes else None

    async def stop(self, execution: Execution, key: str) -> None:
        await copies.drop(self._cluster, execution, key)
        if self.runs.pop(key, None) is not None:
            self.stopped.append(key)

    async def prune(self, execution: Execution, key: str) -> None:
        await copies.drop(self._cluster, execution, key)
        self.runs.pop(key, None)

    async def forget(self, execution: Execution) -> None:
        self.forgotten.append(execution.uid)
        for key in [key for key in self.runs if self.launches[key].execution.uid == execution.uid]:
            del self.runs[key]


@dataclass
class FakePackaging:
    """Implements ports.Packaging: packages at once, and reports through the registry as the real Job does.

    `failures`: why each start in turn fails; all after the last succeed, unless `failure` says otherwise. `now`: when
    they end. `started` are those that are there, `ledger` all that ever were.
    """

    registry: FakeRegistry
    failure: Cause | None = None
    cluster: FakeCluster = field(default_factory=FakeCluster)
    objects: FakeObjects = field(default_factory=FakeObjects)
    now: Callable[[], datetime] = lambda: EPOCH

    def __post_init__(self) -> None:
        self.failures: list[Cause] = []
        self.started: list[str] = []
        self.ledger: list[str] = []
        self._causes: dict[str, Cause] = {}
        self._ended: dict[str, datetime] = {}

    async def find(self, namespace: str, key: str) -> PackagingRun | None:
        if key not in self.started:
            return None
        cause = self._causes.get(key, self.failure)
        return PackagingRun(Phase.FAILED if cause else Phase.SUCCEEDED, cause, ended=self._ended[key])

    async def start(self, request: PackageModel | ImportModel) -> None:
        of, model = (
            (request.execution, request.spec.output.model)
            if isinstance(request, PackageModel)
            else (request.wanted, request.wanted.model.name)
        )
        key, namespace = of.key, of.owner.key.namespace
        if key in self.started:
            return
        self.started.append(key)
        self.ledger.append(key)
        self._ended[key] = self.now()
        if self.failures:
            self._causes[key] = self.failures.pop(0)
        elif self.failure is None:
            package = Package(f"s3://models/{namespace}/{model}/{key}", DIGEST, "onnx", "m-1", SOURCE_DIGEST)
            self.objects.contents[f"{package.uri}/manifest.json"] = b"{}"
            copy = await self.cluster.get(CONFIG_MAPS, namespace, key) or {}
            for name, text in copy.get("data", {}).items():
                self.objects.contents[f"{package.uri}.replay/{name}"] = text.encode()
            self.registry.update_run(key, package=package)

    async def strays(self, execution: Execution) -> Sequence[str]:
        return ()

    async def stop(self, namespace: str, key: str) -> None:
        if key in self.started:
            self.started.remove(key)
            self._causes.pop(key, None)
