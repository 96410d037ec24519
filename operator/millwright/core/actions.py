"""What reconcilers can be told to do. Each action is idempotent: done twice, it is done once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.api.training_inputs import Dataset
from millwright.api.training_results import DatasetStatus
from millwright.api.training_run import TrainingRunSpec
from millwright.core.execution import Cause, Execution, Package
from millwright.core.imports import Import
from millwright.core.ir import Pipeline
from millwright.core.training_state import ModelTarget

Manifest = dict[str, Any]


@dataclass(frozen=True)
class HoldFinalizer:
    """Deletion of the object waits for us, because something outside the cluster is under way, or is to go with it."""


@dataclass(frozen=True)
class ReleaseFinalizer:
    """Nothing outside is under way any more, or is to go with the object."""


@dataclass(frozen=True)
class LabelFailure:
    """The object carries the reason of its failure as a label (None: no such label), so that one can search for it."""

    reason: str | None


@dataclass(frozen=True)
class OpenRun:
    """Open the MLflow run of an import, or of an execution that is under way without one."""

    execution: Execution | Import
    tags: Mapping[str, str]


@dataclass(frozen=True)
class TagRun:
    """An MLflow run has these tags."""

    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class CloseRun:
    """End an MLflow run as FINISHED, FAILED (with its cause) or KILLED, and remember there how it ended."""

    run_id: str
    status: str
    cause: Cause | None = None


@dataclass(frozen=True)
class Enqueue:
    """Ask for the quota that an execution needs."""

    execution: Execution
    pipeline: Pipeline
    spec: TrainingRunSpec


@dataclass(frozen=True)
class Dequeue:
    """Give an execution's quota back, or stop waiting for it."""

    key: str


@dataclass(frozen=True)
class CheckDatasets:
    """Look for data sets in S3, and compare them with their digests.

    `known`: what was found before; what has not changed since need not be read again.
    """

    execution: Execution
    datasets: tuple[Dataset, ...]
    known: tuple[DatasetStatus, ...]
    spec: TrainingRunSpec


@dataclass(frozen=True)
class StopDatasetCheck:
    """Nobody looks at data sets for the TrainingRun, and what was found is forgotten."""


@dataclass(frozen=True)
class Launch:
    """Start the pipeline of an execution.

    `record`: what its copy says beside pipeline and arguments (core.records). `tracked`: ID of its MLflow run; None:
    one is opened first, with `tags`.
    """

    execution: Execution
    pipeline: Pipeline
    arguments: Mapping[str, Any]
    spec: TrainingRunSpec
    record: Mapping[str, Any] = field(default_factory=dict)
    tracked: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    may_use_cache: bool = True


@dataclass(frozen=True)
class Stop:
    """End the pods of a pipeline run or an import. Its MLflow run stays open: starting again goes on with it."""

    key: str


@dataclass(frozen=True)
class Terminate:
    """End an execution or an import: its pipeline run, its packaging and its MLflow run."""

    key: str


@dataclass(frozen=True)
class Prune:
    """Nothing that was started for these executions is left, in the cluster and in the backend."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Forget:
    """The backend knows the TrainingRun no more."""


@dataclass(frozen=True)
class PackageModel:
    """Start the packaging Job of an execution."""

    execution: Execution
    mlflow_run_id: str
    model: ModelTarget
    spec: TrainingRunSpec


@dataclass(frozen=True)
class StopPackaging:
    """Nothing is left of an execution's packaging, so that it can be started anew."""

    key: str


@dataclass(frozen=True)
class Register:
    """Make a packaged model a version of a registered model."""

    name: str
    run_id: str
    package: Package
    tags: Mapping[str, str]


TrainingAction = (
    HoldFinalizer
    | ReleaseFinalizer
    | LabelFailure
    | OpenRun
    | TagRun
    | CloseRun
    | Enqueue
    | Dequeue
    | CheckDatasets
    | StopDatasetCheck
    | Launch
    | Stop
    | Terminate
    | Prune
    | Forget
    | PackageModel
    | StopPackaging
    | Register
)


@dataclass(frozen=True)
class EnsureModel:
    """The registered model exists and says what the Model says."""

    name: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class SetAlias:
    """An alias points to a version."""

    name: str
    alias: str
    version: str


@dataclass(frozen=True)
class DeleteAlias:
    """An alias is gone."""

    name: str
    alias: str


@dataclass(frozen=True)
class DeleteVersion:
    """A version is gone, and with it its package (None: it has none of its own), where no other version names that."""

    name: str
    version: str
    package: str | None = None


@dataclass(frozen=True)
class DeleteModel:
    """A registered model is gone, with its versions and aliases."""

    name: str


@dataclass(frozen=True)
class ImportModel:
    """Start the packaging Job of an import."""

    wanted: Import
    mlflow_run_id: str


ImportAction = OpenRun | CloseRun | Stop | Terminate | ImportModel | Register
ModelAction = (
    HoldFinalizer | ReleaseFinalizer | EnsureModel | SetAlias | DeleteAlias | DeleteVersion | DeleteModel | ImportAction
)


@dataclass(frozen=True)
class Apply:
    """A child object is as given (server-side apply)."""

    manifest: Manifest


@dataclass(frozen=True)
class Scale:
    """A version set that is there has so many pods."""

    name: str
    replicas: int


@dataclass(frozen=True)
class DeleteVersionSet:
    """A version set and its Service are gone."""

    name: str


@dataclass(frozen=True)
class DeleteAutoscaler:
    """The Deployment's HorizontalPodAutoscaler is gone."""


@dataclass(frozen=True)
class DeleteRoute:
    """The Deployment's HTTPRoute is gone."""


DeploymentAction = Apply | Scale | DeleteVersionSet | DeleteAutoscaler | DeleteRoute
