"""The kinds as Kubernetes knows them: names, printer columns, scale."""

from dataclasses import dataclass

from millwright.api.common import ApiModel, StatusModel
from millwright.api.deployment import DeploymentSpec, DeploymentStatus
from millwright.api.model import ModelSpec, ModelStatus
from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True)
class Kind:
    """One custom resource."""

    kind: str
    plural: str
    short_name: str
    description: str
    spec: type[ApiModel]
    status: type[StatusModel]
    columns: tuple[Column, ...]
    scale: bool = False


READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
REASON = Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', priority=1)
AGE = Column("Age", ".metadata.creationTimestamp", "date")

TRAINING_RUN = Kind(
    kind="TrainingRun",
    plural="trainingruns",
    short_name="trun",
    description="TrainingRun trains a model by a Kubeflow pipeline, checks it and registers it as a version of a Model. "  # noqa: E501
    "A change of what decides the result starts a new execution.",
    spec=TrainingRunSpec,
    status=TrainingRunStatus,
    columns=(
        Column("State", ".status.state"),
        Column("Progress", ".status.progressPercentage", "integer"),
        Column("Model-Version", ".status.modelVersion"),
        Column("Cost", ".status.cost.amount"),
        REASON,
        AGE,
    ),
)
MODEL = Kind(
    kind="Model",
    plural="models",
    short_name="mmodel",
    description="Model is a registered model: its versions, which of them are approved, and what its aliases point to.",
    spec=ModelSpec,
    status=ModelStatus,
    columns=(
        Column("Latest", ".status.latestVersion"),
        Column("Approved", ".status.approvedVersion"),
        Column("Champion", ".status.aliases.champion"),
        Column("Up-To-Date", '.status.conditions[?(@.type=="UpToDate")].status', priority=1),
        READY,
        REASON,
        AGE,
    ),
)
DEPLOYMENT = Kind(
    kind="Deployment",
    plural="modeldeployments",
    short_name="mdep",
    description="Deployment serves a version of a Model by the Open Inference Protocol, and rolls forward "
    "without losing a request when the alias it follows moves.",
    spec=DeploymentSpec,
    status=DeploymentStatus,
    columns=(
        Column("Version", ".status.stable.version"),
        Column("Next", ".status.candidate.version"),
        Column("Weight", ".status.candidate.weight", "integer"),
        Column("Ready", ".status.readyReplicas", "integer"),
        Column("URL", ".status.url"),
        REASON,
        AGE,
    ),
    scale=True,
)
KINDS = (TRAINING_RUN, MODEL, DEPLOYMENT)
