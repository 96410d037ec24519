"""The outside world, as Protocols.

Two errors cross this edge: DependencyError (try again) and RejectedError (only a change helps).
Every writing call is idempotent: done twice, it is done once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from millwright.api.training_run import TrainingRunSpec
from millwright.core.actions import CheckDatasets, Enqueue, ImportModel, Launch, PackageModel
from millwright.core.analysis.counting import Series, Window
from millwright.core.execution import (
    Cause,
    DatasetCheck,
    Execution,
    Package,
    PackagingRun,
    PipelineRun,
    Runtime,
    TrackedRun,
)
from millwright.core.ir import Pipeline
from millwright.core.leadership import LeaseRecord
from millwright.core.queueing import QueuePlace
from millwright.core.registry import RegisteredModel, RegisteredVersion, VersionName

Manifest = dict[str, Any]
# Every request to what we write to passes one. It raises DependencyError, before the request or in the midst of it,
# once this process may not write any more.
Fence = Callable[[], AbstractAsyncContextManager[None]]


class DependencyError(Exception):
    """Something we depend on is down or slow; trying again later may help. `dependency` names it."""

    def __init__(self, dependency: str, message: str) -> None:
        super().__init__(f"{dependency}: {message}")
        self.dependency = dependency

    @property
    def reason(self) -> str:
        """For conditions, for example MlflowUnavailable."""
        return f"{self.dependency.capitalize()}Unavailable"


class ConflictError(DependencyError):
    """The object is another than was asked for: it was changed, or is gone. Who reads it anew may go on at once."""


class RejectedError(Exception):
    """The request was understood and refused; only a change of what was asked helps."""


class AbsentError(RejectedError):
    """There is no such object, or no place for it."""


@dataclass(frozen=True)
class Resource:
    """A Kubernetes resource type."""

    api_version: str
    plural: str

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of the resource in the Kubernetes API."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        parts = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{parts}"


CONFIG_MAPS = Resource("v1", "configmaps")
EVENTS = Resource("v1", "events")
JOBS = Resource("batch/v1", "jobs")
LEASES = Resource("coordination.k8s.io/v1", "leases")
PODS = Resource("v1", "pods")
WORKFLOWS = Resource("argoproj.io/v1alpha1", "workflows")
WORKLOADS = Resource("kueue.x-k8s.io/v1beta2", "workloads")
SERVICES = Resource("v1", "services")
APPS = Resource("apps/v1", "deployments")
HTTP_ROUTES = Resource("gateway.networking.k8s.io/v1", "httproutes")
AUTOSCALERS = Resource("autoscaling/v2", "horizontalpodautoscalers")
TRAINING_RUNS = Resource("millwright.dev/v1alpha1", "trainingruns")
MODELS = Resource("millwright.dev/v1alpha1", "models")
DEPLOYMENTS = Resource("millwright.dev/v1alpha1", "modeldeployments")


class Cluster(Protocol):
    """The Kubernetes API, as far as we use it."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """The object, or None."""

    async def list(self, resource: Resource, namespace: str | None, selector: str = "") -> Sequence[Manifest]:
        """Objects of a namespace (None: of all) that match a label selector."""

    async def create(self, resource: Resource, manifest: Manifest) -> None:
        """Creates the object; one that is there already is left as it is."""

    async def apply(self, resource: Resource, manifest: Manifest) -> None:
        """Server-side apply under our field manager."""

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest | None:
        """JSON merge patch. Returns the object as it is then; None: it is gone, and left alone.

        With a `resourceVersion` it is of that version, or raises ConflictError: the object was changed, or is gone.
        """

    async def delete(self, resource: Resource, namespace: str, name: str, foreground: bool = False) -> None:
        """Deletes the object and what it owns; absent is fine. `foreground`: it goes when what it owns has gone."""

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest | None:
        """The same, of nothing but the status."""

    async def tail(self, namespace: str, pod: str, lines: int, container: str | None = None) -> str:
        """The last lines of a container's log (None: of the pod's only one); empty where there is none."""


class Pipelines(Protocol):
    """A backend that runs compiled Kubeflow pipelines."""

    def check(self, namespace: str, pipeline: Pipeline, spec: TrainingRunSpec) -> None:
        """Raises InvalidPipeline or InvalidPlacement where the backend cannot run the pipeline as the spec says."""

    async def uploaded(self, namespace: str, name: str, version: str | None) -> str | None:
        """IR YAML of a pipeline that was uploaded to the backend (version None: its newest), or None.

        Raises InvalidPipeline where the backend takes no uploads.
        """

    async def runtime(self, namespace: str) -> Runtime:
        """What would run a pipeline of that namespace now."""

    async def find(self, execution: Execution) -> PipelineRun | None:
        """The run of an execution, or None. One that was stopped is none once its pods are gone."""

    async def strays(self, execution: Execution) -> Sequence[str]:
        """Keys of executions of the same TrainingRun that are under way and are not this one."""

    async def launch(self, launch: Launch, mlflow_run_id: str) -> None:
        """Starts the run of an execution, whose steps log to that MLflow run; one that is there is left as it is."""

    async def stop(self, execution: Execution, key: str) -> None:
        """Ends the run with that key of the same TrainingRun, so that it can be launched anew; absent is fine."""

    async def prune(self, execution: Execution, key: str) -> None:
        """Nothing is left of the run with that key, under way or not; absent is fine."""

    async def forget(self, execution: Execution) -> None:
        """Nothing is left of the TrainingRun."""


class ObjectStore(Protocol):
    """Objects in S3."""

    async def get(self, uri: str, most_bytes: int) -> bytes | None:
        """Content of an object, or None. Raises RejectedError where we may not read, or it is larger."""

    async def remove(self, folder: str) -> None:
        """Nothing is left below `<folder>/`; absent is fine. Raises RejectedError where we may not."""


class Queues(Protocol):
    """Queues for quota."""

    async def find(self, execution: Execution) -> QueuePlace | None:
        """The place of an execution in its queue, or None."""

    async def strays(self, execution: Execution) -> Sequence[str]:
        """Keys of other executions of the same TrainingRun that are in a queue, or hold quota."""

    async def enter(self, request: Enqueue) -> None:
        """Asks for quota; a request that is there already is left as it is."""

    async def leave(self, execution: Execution, key: str) -> None:
        """Takes back the request of the execution with that key, and gives back its quota; absent is fine."""


class DatasetChecks(Protocol):
    """What looks at data sets before a launch, with the namespace's own credentials. One look for a TrainingRun."""

    async def find(self, execution: Execution) -> DatasetCheck | None:
        """The look at an execution's data sets, or None."""

    async def start(self, request: CheckDatasets) -> None:
        """Begins it; one of the same execution is left as it is, one of another ends, and may have to be gone first."""

    async def stop(self, execution: Execution) -> None:
        """Ends the TrainingRun's, and leaves nothing of it; absent is fine."""


class Packaging(Protocol):
    """What makes a verified package of the model that an execution logged, or of one that was trained elsewhere."""

    async def find(self, namespace: str, key: str) -> PackagingRun | None:
        """The packaging of the execution or import with that key, or None."""

    async def start(self, request: PackageModel | ImportModel) -> None:
        """Starts it; one that is there already is left as it is."""

    async def strays(self, execution: Execution) -> Sequence[str]:
        """Keys of executions of the same TrainingRun that are being packaged and are not this one."""

    async def stop(self, namespace: str, key: str) -> None:
        """Ends the packaging with that key, and leaves nothing of it; absent is fine."""


class Registry(Protocol):
    """Experiment tracking and model registry (MLflow)."""

    async def find_run(self, experiment: str, key: str) -> TrackedRun | None:
        """The run tagged with that execution key, or None."""

    async def open_executions(self, experiment: str) -> Sequence[str]:
        """Keys of the experiment's executions whose run has not ended."""

    async def open_run(self, experiment: str, key: str, tags: Mapping[str, str]) -> str:
        """Opens a run named and tagged with the execution key, and returns its ID. Makes a missing experiment."""

    async def metrics(self, run_id: str) -> Mapping[str, float] | None:
        """The last value of each metric of a run, or None where there is no such run."""

    async def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Sets tags of a run."""

    async def close_run(self, run_id: str, status: str, cause: Cause | None = None) -> None:
        """Ends a run as FINISHED, FAILED (for a cause) or KILLED; the first two it remembers as how it ended."""

    async def find_model(self, name: str) -> RegisteredModel | None:
        """The registered model, or None."""

    async def list_models(self) -> Sequence[RegisteredModel]:
        """All registered models that were made for a Model, each as `find_model` shows it."""

    async def ensure_model(self, name: str, description: str, tags: Mapping[str, str]) -> None:
        """Makes or updates the registered model."""

    async def versions(self, name: str) -> Sequence[RegisteredVersion]:
        """All versions of a registered model; none where there is no such model."""

    async def version_of(self, name: str, key: str) -> RegisteredVersion | None:
        """The oldest version of a registered model that is tagged with that execution key, or None."""

    async def versions_of_package(self, package: str) -> Sequence[VersionName]:
        """The versions, of any registered model, that name the package."""

    async def register(self, name: str, run_id: str, package: Package, tags: Mapping[str, str]) -> None:
        """Makes a version of the registered model from a packaged run."""

    async def set_alias(self, name: str, alias: str, version: str) -> None:
        """Points an alias to a version."""

    async def delete_alias(self, name: str, alias: str) -> None:
        """Takes an alias away; absent is fine."""

    async def delete_version(self, name: str, version: str) -> None:
        """Takes a version away, with the aliases that point to it; absent is fine. Its number is not given again."""

    async def delete_model(self, name: str) -> None:
        """Takes a registered model away, with its versions and aliases; absent is fine."""


class Lease(Protocol):
    """What the replicas of the operator contend for."""

    async def read(self) -> LeaseRecord | None:
        """As it stands, or None where there is none."""

    async def write(self, record: LeaseRecord, over: LeaseRecord | None) -> LeaseRecord:
        """Writes it over the one that was read (None: there was none), and returns it with its version.

        Raises DependencyError or RejectedError where it could not, as where it is another by now.
        """


class Measurements(Protocol):
    """What Prometheus has of the servers' metrics. Raises DependencyError, and RejectedError for a wrong query."""

    async def series(self, selectors: Sequence[str], window: Window) -> Sequence[Sequence[Series]]:
        """The counters that each selector names, at the window's beginning and its moments.

        They can be compared: what a server told at one time is in all of them, or in none yet.
        """

    async def numbers(self, query: str, window: Window) -> Sequence[float | None]:
        """The one number that a query gives at each of the window's moments."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Now, in UTC, with whole seconds."""
