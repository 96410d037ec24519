"""TrainingRun: one model trained by a pipeline, checked, and registered."""

from typing import Any

from pydantic import ConfigDict, Field

from millwright.api.common import (
    NOT_OBSERVED,
    ApiModel,
    Conditions,
    DnsName,
    LongText,
    MetricValue,
    ModelVersionNumber,
    ObjectName,
    ObservedGeneration,
    ShortText,
    StatusModel,
    StorageReference,
    Time,
    cel,
    rules,
)
from millwright.api.gates import MAX_GATES, MAX_SCENARIOS, Gate, Scenario
from millwright.api.training_inputs import Dataset, PipelineSource, ReplayOf, SourceRevision
from millwright.api.training_results import (
    Cost,
    DatasetStatus,
    Failure,
    HistoryEntry,
    MlflowRunReference,
    Money,
    PipelineRunReference,
    ReplayStatus,
    ScenarioStatus,
    TaskStatus,
)

MAX_HISTORY = 50
DEFAULT_HISTORY = 10
MAX_TASKS = 50
MAX_DATASETS = 32
MAX_METRICS = 50


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

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.pipeline) != has(self.replayOf)",
                "name what to run by exactly one of pipeline and replayOf",
            ),
            cel(
                "!has(self.replayOf) || !(has(self.parameters) || has(self.datasets) || has(self.source))",
                "a replay has the parameters, datasets and source of what it repeats: leave them out",
            ),
            cel(
                "!has(self.replayOf) || !(has(self.gates) || has(self.scenarios))",
                "a replay registers no version and is compared with the original: leave gates and scenarios out",
            ),
        )
    )

    pipeline: PipelineSource | None = Field(None, description="The compiled Kubeflow pipeline to run.")
    replay_of: ReplayOf | None = Field(
        None,
        description="Instead of `pipeline`: run an earlier execution again, with its pipeline and its arguments, and "
        "report whether the metrics are the same. It becomes no model version.",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=100,
        description="Pipeline parameters by name: text, numbers, booleans, lists or maps, "
        "as the pipeline declares them. Never put credentials here.",
    )
    datasets: tuple[Dataset, ...] = Field(
        (),
        max_length=MAX_DATASETS,
        description="Data sets the run reads, recorded as lineage. Those in S3 are looked for, and compared with their "
        "digest, before anything is launched.",
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
        description="How often a failed attempt is tried again: at once, then after 10 s, 20 s, 40 s, and at most 6 "
        "minutes. Preempted and evicted attempts are tried again anyway.",
    )
    budget: Budget | None = Field(None, description="What the run may cost; unlimited, when left out.")
    ttl_seconds_after_finished: int | None = Field(
        None,
        ge=0,
        le=315360000,
        description="Seconds after the end until the run's Jobs, pods and pipeline run are deleted; never, when left "
        "out. The TrainingRun itself, its MLflow run and its model version stay.",
    )
    history_limit: int = Field(
        DEFAULT_HISTORY,
        ge=1,
        le=MAX_HISTORY,
        description="How many ended executions status.history keeps. The Jobs, pods, copies and pipeline runs of older "
        "ones are deleted; their MLflow runs and model versions stay.",
    )
    gates: tuple[Gate, ...] = Field(
        (),
        max_length=MAX_GATES,
        description="Checks on the run's metrics. All must pass, or no model version is registered.",
    )
    scenarios: tuple[Scenario, ...] = Field(
        (),
        max_length=MAX_SCENARIOS,
        description="Named slices of the evaluation, each with gates of its own. All of them must pass, too.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    output: Output = Field(
        description="The Model that a passing run becomes a version of; of a replay, the Model that it replays."
    )
    service_account_name: ObjectName | None = Field(
        None,
        description="Service account of the pods that run the pipeline. The embedded backend does not mount its API "
        "token; Kubeflow Pipelines needs it in every pod.",
    )
    storage: StorageReference | None = Field(
        None, description="Object storage credentials; the platform's default Secret name when left out."
    )


class TrainingRunStatus(StatusModel):
    """What is known about the run; small, no logs, no artifacts."""

    observed_generation: ObservedGeneration = NOT_OBSERVED
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
    datasets: tuple[DatasetStatus, ...] = Field(
        (), max_length=MAX_DATASETS, description="Data sets in S3 as they were found when they were last looked at."
    )
    start_time: Time | None = Field(None, description="When this execution began.")
    completion_time: Time | None = Field(None, description="When this execution ended.")
    progress_percentage: int | None = Field(None, ge=0, le=100, description="Steps done, in percent.")
    tasks: tuple[TaskStatus, ...] = Field((), max_length=MAX_TASKS, description="The pipeline's steps.")
    metrics: tuple[MetricValue, ...] = Field(
        (), max_length=MAX_METRICS, description="Metrics of the MLflow run that are finite."
    )
    scenarios: tuple[ScenarioStatus, ...] = Field(
        (), max_length=MAX_SCENARIOS, description="How the scenarios were judged, when the run has ended."
    )
    model_version: ModelVersionNumber | None = Field(None, description="The version that this run became.")
    replay: ReplayStatus | None = Field(None, description="Of a replay that has ended: how it compares.")
    cost: Cost | None = Field(None, description="What the execution cost so far; nothing where no pool has a price.")
    failure: Failure | None = Field(None, description="Why the last attempt failed.")
    history: tuple[HistoryEntry, ...] = Field((), max_length=MAX_HISTORY, description="Last executions, newest first.")
    conditions: Conditions = Field(
        (), description="Ready, Reconciling, Stalled, Succeeded, GatesPassed, ModelRegistered, Reproduced."
    )
