"""Executions: their identity, and what can be seen of them from outside."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from millwright.api.training_results import DatasetStatus
from millwright.api.training_run import TrainingRunSpec

# Fields that do not change what a run computes: editing them never trains again.
NOT_RESULT_RELEVANT = {
    "message",
    "suspend",
    "active_deadline_seconds",
    "backoff_limit",
    "gates",
    "scenarios",
    "ttl_seconds_after_finished",
    "history_limit",
    "budget",
    "queue_name",
    "cache",
    "node_pools",
}
# <TrainingRun>/<execution key>; names as Kubernetes takes them, so that nothing else can be meant.
ORIGINAL = re.compile(r"([a-z0-9][a-z0-9.-]{0,252})/([a-z0-9][a-z0-9.-]{0,62})")
NOT_RELEVANT: dict[str, Any] = {**dict.fromkeys(NOT_RESULT_RELEVANT, True), "replay_of": {"tolerance"}}


@dataclass(frozen=True)
class ObjectKey:
    """One object of a kind."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Owner:
    """The object for which something is made in the cluster, and with which that goes."""

    kind: str
    key: ObjectKey
    uid: str


def execution_key(name: str, uid: str, spec_hash: str, attempt: int | str) -> str:
    """`<name>-<hash>`, at most 51 characters: the idempotency key of everything that is started for an object."""
    digest = hashlib.sha256(f"{uid}/{spec_hash}/{attempt}".encode()).hexdigest()
    return f"{_stem(name)}-{digest[:10]}"


def _stem(name: str) -> str:
    return name[:40].rstrip("-.")


@dataclass(frozen=True)
class Execution:
    """One attempt at one spec of one TrainingRun; `key` names it everywhere in the outside world.

    `backend`: where its TrainingRun was last launched, as far as its status says; the choice may have changed since.
    """

    run: ObjectKey
    uid: str
    spec_hash: str
    attempt: int
    backend: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key."""
        return execution_key(self.run.name, self.uid, self.spec_hash, self.attempt)

    @property
    def owner(self) -> Owner:
        """The TrainingRun."""
        return Owner("TrainingRun", self.run, self.uid)

    def is_kin(self, key: str) -> bool:
        """Whether that has the form of a key of some execution of the same TrainingRun."""
        return re.fullmatch(f"{re.escape(_stem(self.run.name))}-[0-9a-f]{{10}}", key) is not None

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment."""
        return f"{self.run.namespace}/{self.run.name}"


def spec_hash(spec: TrainingRunSpec) -> str:
    """12 hex digits that change when, and only when, the result of the run may change."""
    relevant = spec.model_dump(mode="json", by_alias=True, exclude=NOT_RELEVANT, exclude_none=True)
    return short_hash(relevant, 12)


def short_hash(value: Any, digits: int = 10) -> str:
    """Hex digits of sha256 over the canonical JSON of `value`."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:digits]


class Phase(StrEnum):
    """How far something that runs outside has got."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class Cause:
    """Why something that ran outside failed.

    `final`: trying again cannot help. `limit`: the limit of the spec that was passed, in the spec's own unit.
    """

    reason: str
    message: str
    task: str | None = None
    pod_name: str | None = None
    exit_code: int | None = None
    final: bool = False
    limit: float | None = None


@dataclass(frozen=True)
class Task:
    """One step of a pipeline. `message`: why it waits or failed."""

    name: str
    state: str
    pod_name: str | None = None
    node_pool: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Blocked:
    """A pod that cannot start without a change: the reason, such as ImagePullBackOff, and when the pod was made."""

    reason: str
    since: datetime


@dataclass(frozen=True)
class PodUse:
    """A pod's time on a node pool: from when it was bound to a node to its end (None: not yet)."""

    node_pool: str | None
    started: datetime
    ended: datetime | None = None


@dataclass(frozen=True)
class Original:
    """The execution that a replay repeats, and the TrainingRun that it belongs to; both of the replay's namespace."""

    training_run: str
    execution: str

    def __str__(self) -> str:
        return f"{self.training_run}/{self.execution}"


def original(text: str) -> Original | None:
    """What `str` of an Original says. None where the text says something else: training code may have written it."""
    found = ORIGINAL.fullmatch(text)
    return Original(found[1], found[2]) if found else None


@dataclass(frozen=True)
class Runtime:
    """What runs pipelines: the backend, its server's version if it has one, and the image of steps that name none."""

    backend: str
    version: str = ""
    image: str = ""


EMBEDDED = "embedded"


@dataclass(frozen=True)
class RunReference:
    """Where a pipeline run is: its backend, its ID there, and its page for a browser."""

    backend: str
    id: str
    url: str | None = None


def outlives_its_owner(backend: str) -> bool:
    """Whether the backend remembers a run until it is pruned; Jobs go with the TrainingRun that owns them."""
    return backend != EMBEDDED


@dataclass(frozen=True)
class PipelineRun:
    """A pipeline run as its backend shows it.

    `ending`: it was told to stop, and its pods are not gone yet.
    """

    key: str
    reference: RunReference
    phase: Phase
    started: datetime | None = None
    ending: bool = False
    waiting_for: str = ""
    blocked: Blocked | None = None
    cause: Cause | None = None
    tasks: tuple[Task, ...] = ()
    uses: tuple[PodUse, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it may still use a node."""
        return self.phase in (Phase.PENDING, Phase.RUNNING)


@dataclass(frozen=True)
class Package:
    """A model package in object storage. `source_digest`: of the model that it was made of."""

    uri: str
    digest: str
    format: str
    model_id: str | None = None
    source_digest: str | None = None


@dataclass(frozen=True)
class DatasetCheck:
    """A look at an execution's data sets. `found`: what is there, as far as it got. `cause`: what is not as wanted."""

    phase: Phase
    cause: Cause | None = None
    waiting_for: str = ""
    ended: datetime | None = None
    ending: bool = False
    found: tuple[DatasetStatus, ...] = ()


@dataclass(frozen=True)
class PackagingRun:
    """A packaging Job as the cluster shows it.

    `waiting_for`: why its pod has not started. `ending`: it was told to go, and its pod is not gone yet.
    """

    phase: Phase
    cause: Cause | None = None
    waiting_for: str = ""
    ended: datetime | None = None
    ending: bool = False


@dataclass(frozen=True)
class TrackedRun:
    """The MLflow run of an execution.

    `succeeded` and `failure` are what we wrote there when its pipeline ended: they outlive the pipeline run.
    `pipeline_digest`: of the pipeline that was to be launched when it was last tagged. `upstream`: versions of Models
    that were approved then, by name. `replay_of`: of a replay.
    """

    id: str
    url: str
    status: str = "RUNNING"
    succeeded: bool = False
    failure: Cause | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    package: Package | None = None
    pipeline_digest: str | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    replay_of: Original | None = None
