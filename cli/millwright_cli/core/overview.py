"""What `status` shows: a Model with its versions, the Deployments that serve it, and the TrainingRuns that make it."""

from collections.abc import Mapping
from dataclasses import dataclass

from millwright_cli.core.kinds import DEPLOYMENT, MODEL, TRAINING_RUN, Manifest
from millwright_cli.core.rollout_fields import Served

STALLED, RECONCILING, READY = "Stalled", "Reconciling", "Ready"


@dataclass(frozen=True)
class Health:
    """Ready, Stalled (only a change helps) or Reconciling, with the operator's own words."""

    state: str
    reason: str
    message: str


@dataclass(frozen=True)
class Task:
    """A step of a pipeline."""

    name: str
    state: str
    pod_name: str | None
    node_pool: str | None
    message: str | None


@dataclass(frozen=True)
class Cause:
    """Why the last attempt of a run failed."""

    reason: str
    task: str | None
    pod_name: str | None
    exit_code: int | None
    message: str


@dataclass(frozen=True)
class Run:
    """A TrainingRun. `attempt` counts from 1."""

    name: str
    health: Health
    state: str
    progress: int | None
    attempt: int
    model_version: str | None
    cost: str | None
    tasks: tuple[Task, ...]
    failure: Cause | None
    kind: str = TRAINING_RUN.kind


@dataclass(frozen=True)
class Rejected:
    """A version that was given up, and why."""

    version: str
    reason: str
    message: str


@dataclass(frozen=True)
class Arm:
    """An arm of an experiment. `weight`: percent of the requests. `effect`, from `lower` to `upper`: of its share."""

    name: str
    version: str
    weight: int
    samples: float
    required_samples: int | None
    value: float | None
    effect: float | None
    lower: float | None
    upper: float | None
    verdict: str
    message: str


@dataclass(frozen=True)
class Experiment:
    """Which versions are compared with the one that serves. `winner`: the best one, when it is over."""

    arms: tuple[Arm, ...]
    winner: str | None


@dataclass(frozen=True)
class Deployment:
    """A Deployment. `follows`: the alias or version that it names. `step`: what the candidate's step says."""

    name: str
    health: Health
    follows: str
    url: str | None
    replicas: int
    ready_replicas: int
    stable: Served | None
    candidate: Served | None
    step: Manifest | None
    rejected: Rejected | None
    last_known_good: str | None
    experiment: Experiment | None
    paused: bool
    kind: str = DEPLOYMENT.kind


@dataclass(frozen=True)
class Version:
    """A model version. `served_by`: Deployments with the version's role there."""

    version: str
    approved: bool
    aliases: tuple[str, ...]
    training_run: str | None
    imported_from: str | None
    metrics: Mapping[str, float]
    served_by: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """A Model, with what belongs to it. `older_runs`: how many of its TrainingRuns are left out."""

    name: str
    health: Health
    registry_url: str | None
    versions: tuple[Version, ...]
    deployments: tuple[Deployment, ...]
    training_runs: tuple[Run, ...]
    older_runs: int
    kind: str = MODEL.kind
