"""TrainingRun: one model trained by a pipeline, checked, and registered."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import (
    ApiModel,
    Conditions,
    DnsName,
    LongText,
    ModelVersionNumber,
    ObjectName,
    ShortText,
    StatusModel,
    StorageReference,
    Time,
    cel,
    rules,
)

MAX_HISTORY = 10
MAX_TASKS = 50
MAX_METRICS = 50
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}([.][0-9]{1,4})?$", max_length=14)]
Uri = Annotated[str, StringConstraints(min_length=3, max_length=1024, pattern=r"^[a-z][a-z0-9+.-]*:.+$")]


class ConfigMapReference(ApiModel):
    """One key of a ConfigMap in the same namespace."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: ShortText = Field("pipeline.yaml", description="Key that holds the compiled pipeline.")


class PipelineSource(ApiModel):
    """Where the compiled Kubeflow pipeline (IR YAML) comes from: exactly one of configMapRef, uri and name."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "[has(self.configMapRef), has(self.uri), has(self.name)].filter(x, x).size() == 1",
                "name exactly one source of the pipeline: configMapRef, uri with digest, or name",
            ),
            cel("has(self.uri) == has(self.digest)", "uri and digest go together: sha256sum tells the digest"),
            cel("!has(self.version) || has(self.name)", "version is of the pipeline that `name` names"),
        )
    )

    config_map_ref: ConfigMapReference | None = Field(
        None,
        description="A ConfigMap in this namespace, for example made by kustomize's configMapGenerator "
        "from the file that `kfp dsl compile` wrote.",
    )
    uri: Uri | None = Field(
        None, description="An object in S3, below a place that the platform allows, for example s3://pipelines/a.yaml."
    )
    digest: Digest | None = Field(None, description="sha256 of the object's content, so that it stays what it is.")
    name: ShortText | None = Field(
        None, description="A pipeline that was uploaded to the Kubeflow Pipelines server (kubeflow backend)."
    )
    version: ShortText | None = Field(
        None, description="Name of its version; the newest at the time of the launch, when left out."
    )


class Dataset(ApiModel):
    """A data set that the run reads, recorded as lineage of the model version."""

    name: DnsName = Field(description="Name of the data set.")
    uri: Uri = Field(description="Where it is, for example s3://data/flights/2013-01.parquet.")
    digest: Digest | None = Field(None, description="sha256 of its content, recorded.")


class SourceRevision(ApiModel):
    """The code that made the pipeline; recorded, so that a version can be made again."""

    repo_url: ShortText = Field(
        alias="repoURL", description="Repository, for example https://git.example/team/flights."
    )
    revision: ShortText = Field(description="Commit, for example 4f2c1d9.")


class Gate(ApiModel):
    """A check on one metric that the run must pass before its model is registered."""

    metric: Annotated[str, StringConstraints(min_length=1, max_length=250)] = Field(
        description="Name of a metric that the run logs to MLflow. A metric that is missing or NaN fails the gate."
    )
    operator: Literal[">=", ">", "<=", "<"] = Field(
        description="How the metric compares with `threshold`: metric OPERATOR threshold must be true."
    )
    threshold: float = Field(description="The bound, in the metric's own unit.")


class NodePoolSelection(ApiModel):
    """Which of the platform's node pools the pipeline's steps run on."""

    default: DnsName | None = Field(
        None, description="Pool of the steps that ask for no accelerator; the platform's default pool when left out."
    )
    accelerator: DnsName | None = Field(
        None,
        description="Pool of the steps that ask for an accelerator. "
        "May be left out where the platform has one pool that offers it.",
    )
    steps: dict[str, DnsName] = Field(
        default_factory=dict,
        max_length=100,
        description="Pools of single steps by the step's name, for example train: gpu. They go before the others.",
    )


class Budget(ApiModel):
    """What a run may cost, with all its attempts."""

    max_cost: Money = Field(
        description='In the platform\'s currency, for example "5.00". A run that reaches it is stopped. '
        "What a pod costs is its time on its node pool, at the pool's hourly cost."
    )


class Output(ApiModel):
    """What becomes of a run that passes."""

    model: DnsName = Field(description="The Model in this namespace that the run makes a new version of.")


class TrainingRunSpec(ApiModel):
    """What to train, how it is judged, and what it becomes."""

    pipeline: PipelineSource = Field(description="The compiled Kubeflow pipeline to run.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=100,
        description="Pipeline parameters by name: text, numbers, booleans, lists or maps, "
        "as the pipeline declares them. Never put credentials here.",
    )
    datasets: tuple[Dataset, ...] = Field(
        (),
        max_length=32,
        description="Data sets the run reads, recorded as lineage.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    source: SourceRevision | None = Field(None, description="Code revision, recorded as lineage.")
    message: LongText | None = Field(
        None, description="A comment for this run, like a commit message. Changing it does not start a new run."
    )
    node_pools: NodePoolSelection | None = Field(
        None,
        description="Where the pipeline's steps run. It does not change the result: changing it trains nothing again, "
        "leaves what runs where it is, and counts from the next start of the pipeline.",
    )
    suspend: bool = Field(
        False, description="true: start nothing, and stop pods that run; false: go on. A stopped pipeline starts again."
    )
    cache: bool = Field(
        True,
        description="false: no step is answered from the results of an earlier run. true: those that the pipeline "
        "allows are (kubeflow backend); a step that logs to MLflow must not allow it. Changing it starts no new run.",
    )
    queue_name: DnsName | None = Field(
        None,
        description="Kueue LocalQueue of this namespace. The run waits there until quota for the largest step on each "
        "of its node pools is reserved. Changing it does not start a new run.",
    )
    active_deadline_seconds: int | None = Field(
        None, ge=1, le=2592000, description="Seconds that one attempt may run before it is ended."
    )
    backoff_limit: int = Field(
        0,
        ge=0,
        le=10,
        description="How often a failed attempt is tried again. Preempted and evicted attempts are tried again anyway.",
    )
    budget: Budget | None = Field(None, description="What the run may cost; unlimited, when left out.")
    ttl_seconds_after_finished: int | None = Field(
        None,
        ge=0,
        le=315360000,
        description="Seconds after the end until the run's Jobs, pods and pipeline run are deleted; never, when left "
        "out. The TrainingRun itself, its MLflow run and its model version stay.",
    )
    gates: tuple[Gate, ...] = Field(
        (),
        max_length=32,
        description="Checks on the run's metrics. All must pass, or no model version is registered.",
    )
    output: Output = Field(description="The Model that a passing run becomes a version of.")
    service_account_name: ObjectName | None = Field(
        None, description="Service account of the pods that run the pipeline. Their API token is not mounted."
    )
    storage: StorageReference | None = Field(
        None, description="Object storage credentials; the platform's default Secret name when left out."
    )


class PipelineRunReference(StatusModel):
    """The run in the pipelines backend."""

    backend: ShortText = Field(description="embedded or kubeflow.")
    id: ShortText = Field(description="Name of the Job, or ID of the run in Kubeflow Pipelines.")
    url: LongText | None = Field(None, description="Where a browser shows it.")


class MlflowRunReference(StatusModel):
    """The run in MLflow."""

    id: ShortText = Field(description="MLflow run ID.")
    url: LongText = Field(description="Where a browser shows it.")


class TaskStatus(StatusModel):
    """One step of the pipeline."""

    name: ShortText = Field(description="Name of the step.")
    state: ShortText = Field(description="Pending, Running, Succeeded, Cached, Failed or Skipped.")
    node_pool: ShortText | None = Field(None, description="Node pool it was placed on.")
    pod_name: ShortText | None = Field(None, description="Its pod, for `kubectl logs`.")
    message: LongText | None = Field(None, description="Why it waits, or why it failed.")


class MetricValue(StatusModel):
    """A metric that the run logged."""

    name: ShortText = Field(description="Name of the metric.")
    value: float = Field(description="Its last value.")


class Failure(StatusModel):
    """Why the last attempt failed."""

    reason: ShortText = Field(description="Error, OOMKilled, DeadlineExceeded, GatesFailed, NoModelLogged, …")
    task: ShortText | None = Field(None, description="The step that failed.")
    pod_name: ShortText | None = Field(None, description="Its pod, for `kubectl logs`.")
    exit_code: int | None = Field(None, description="Its exit code.")
    message: LongText = Field("", description="Last lines of its log.")


class HistoryEntry(StatusModel):
    """One finished execution."""

    spec_hash: ShortText = Field(description="Hash of what decided its result.")
    attempt: int = Field(description="Which attempt it was, from 1.")
    outcome: ShortText = Field(description="Succeeded, or the reason of its failure.")
    model_version: ModelVersionNumber | None = Field(None, description="The version it became.")
    completion_time: Time = Field(description="When it ended.")
    cost: Money | None = Field(None, description="What it cost, in the platform's currency.")


class Cost(StatusModel):
    """What an execution cost so far."""

    amount: Money = Field(description="Of all attempts; of running pods up to the last full minute.")
    currency: ShortText = Field(description="The platform's currency.")


class TrainingRunStatus(StatusModel):
    """What is known about the run; small, no logs, no artifacts."""

    observed_generation: int = Field(0, ge=0, description="metadata.generation that this status speaks of.")
    state: ShortText | None = Field(
        None, description="One word: Pending, Queued, Suspended, Running, Packaging, Registering, Succeeded, Failed."
    )
    spec_hash: ShortText | None = Field(
        None, description="Hash of everything in the spec that decides the result; one execution per hash."
    )
    attempt: int = Field(0, ge=0, description="Attempt under way or last ended, from 1.")
    failures: int = Field(
        0, ge=0, description="Failed attempts that count against backoffLimit; lost nodes and preemption do not."
    )
    execution: ShortText | None = Field(
        None, description="Key of the execution: its Job and MLflow run have this name."
    )
    pipeline_run: PipelineRunReference | None = Field(
        None, description="The run in the pipelines backend, until ttlSecondsAfterFinished takes it away."
    )
    mlflow_run: MlflowRunReference | None = Field(None, description="The run in MLflow.")
    start_time: Time | None = Field(None, description="When this execution began.")
    completion_time: Time | None = Field(None, description="When this execution ended.")
    progress_percentage: int | None = Field(None, ge=0, le=100, description="Steps done, in percent.")
    tasks: tuple[TaskStatus, ...] = Field((), max_length=MAX_TASKS, description="The pipeline's steps.")
    metrics: tuple[MetricValue, ...] = Field((), max_length=MAX_METRICS, description="Metrics of the MLflow run.")
    model_version: ModelVersionNumber | None = Field(None, description="The version that this run became.")
    cost: Cost | None = Field(None, description="What the execution cost so far; nothing where no pool has a price.")
    failure: Failure | None = Field(None, description="Why the last attempt failed.")
    history: tuple[HistoryEntry, ...] = Field((), max_length=MAX_HISTORY, description="Last executions, newest first.")
    conditions: Conditions = Field(
        (), description="Ready, Reconciling, Stalled, Succeeded, GatesPassed, ModelRegistered."
    )
