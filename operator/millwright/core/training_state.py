"""What a decision on a TrainingRun depends on, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus
from millwright.core.execution import ObjectKey, PackagingRun, PipelineRun, TrackedRun
from millwright.core.ir import Pipeline
from millwright.core.node_pools import NodePools
from millwright.core.queueing import QueuePlace


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


@dataclass(frozen=True)
class Missing:
    """An input that is not there (yet). `final`: it is there, and wrong."""

    reason: str
    message: str
    final: bool = False


@dataclass(frozen=True)
class ModelTarget:
    """What the TrainingRun needs to know of the Model it makes versions of."""

    registered_name: str
    allow_pickle: bool = False


@dataclass(frozen=True)
class PipelineInput:
    """A pipeline that the backend can run, and the arguments to run it with."""

    pipeline: Pipeline
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Observed:
    """Everything that a decision on a TrainingRun depends on."""

    subject: Subject
    model: ModelTarget | Missing
    pipeline: PipelineInput | Missing
    tracked: TrackedRun | None = None
    running: PipelineRun | None = None
    packaging: PackagingRun | None = None
    version: str | None = None
    strays: tuple[str, ...] = ()
    queue_place: QueuePlace | None = None
    pools: NodePools = field(default_factory=NodePools)
