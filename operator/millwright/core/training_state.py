"""What a decision on a TrainingRun depends on, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.api.gates import VersionReference
from millwright.api.training_inputs import Dataset, SourceRevision
from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus
from millwright.core.execution import (
    DatasetCheck,
    ObjectKey,
    Original,
    PackagingRun,
    Phase,
    PipelineRun,
    Runtime,
    TrackedRun,
)
from millwright.core.ir import Pipeline
from millwright.core.node_pools import NodePools
from millwright.core.queueing import QueuePlace
from millwright.core.registry import RegisteredVersion


@dataclass(frozen=True)
class Subject:
    """The TrainingRun itself."""

    key: ObjectKey
    uid: str
    generation: int
    spec: TrainingRunSpec
    status: TrainingRunStatus
    deleting: bool = False
    held: bool = False
    failure_label: str | None = None

    @property
    def is_untouched(self) -> bool:
        """Nothing was ever started for it outside the cluster: the finalizer is taken before, and kept to an end."""
        return not self.held and not self.status.history


@dataclass(frozen=True)
class Missing:
    """An input that is not there (yet). `final`: it is there, and wrong."""

    reason: str
    message: str
    final: bool = False


@dataclass(frozen=True)
class ModelTarget:
    """What the TrainingRun needs to know of the Model it makes versions of.

    `upstream`: approved versions of the Models that it depends on, by name. `aliases`: those that its spec names.
    """

    registered_name: str
    allow_pickle: bool = False
    upstream: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A version that a gate compares with, and the metrics that its MLflow run logged."""

    version: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class PipelineInput:
    """A pipeline that the backend can run, the arguments to run it with, and what else decides or tells its result.

    `replay_of`: pipeline, arguments, datasets and source are those of that execution.
    """

    pipeline: Pipeline
    arguments: Mapping[str, Any]
    runtime: Runtime = field(default_factory=lambda: Runtime(""))
    datasets: tuple[Dataset, ...] = ()
    source: SourceRevision | None = None
    replay_of: Original | None = None


@dataclass(frozen=True)
class Observed:
    """Everything that a decision on a TrainingRun depends on.

    `original`: of a replay that has ended, the MLflow run of what it repeats. `references`: of a run that has ended
    well, what its gates compare with.
    """

    subject: Subject
    model: ModelTarget | Missing
    pipeline: PipelineInput | Missing
    tracked: TrackedRun | None = None
    original: TrackedRun | None = None
    running: PipelineRun | None = None
    dataset_check: DatasetCheck | None = None
    packaging: PackagingRun | None = None
    references: Mapping[VersionReference, Reference | Missing] = field(default_factory=dict)
    version: RegisteredVersion | None = None
    strays: tuple[str, ...] = ()
    queue_place: QueuePlace | None = None
    pools: NodePools = field(default_factory=NodePools)

    @property
    def ended_well(self) -> bool:
        """The pipeline has ended well: its run says so, or, when that is gone, the registry."""
        recorded = self.tracked is not None and self.tracked.succeeded
        return recorded or (self.running is not None and self.running.phase is Phase.SUCCEEDED)

    @property
    def upstream(self) -> Mapping[str, str]:
        """Approved versions of what the Model is built on, as far as it is known."""
        return self.model.upstream if isinstance(self.model, ModelTarget) else {}

    @property
    def is_to_be_launched(self) -> bool:
        """There is no run of the execution, and none has ended well."""
        return self.running is None and not self.ended_well
