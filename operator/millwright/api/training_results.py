"""What the status of a TrainingRun is made of; small, no logs, no artifacts."""

from typing import Annotated

from pydantic import Field, StringConstraints

from millwright.api.common import LongText, ModelVersionNumber, ShortText, StatusModel, Time

MAX_DIFFERENCES = 20
Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}([.][0-9]{1,4})?$", max_length=14)]


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


class DatasetStatus(StatusModel):
    """A data set in S3 as it was found before the launch."""

    name: ShortText = Field(description="Its name in spec.datasets.")
    uri: Annotated[str, StringConstraints(max_length=1024)] = Field(description="Where it was looked for.")
    etag: ShortText = Field(description="S3's mark of this content; of a folder, a hash of its files' marks.")
    digest: ShortText | None = Field(None, description="sha256 of the content, where spec.datasets names one.")


class ScenarioStatus(StatusModel):
    """How a scenario was judged."""

    name: ShortText = Field(description="Name of the scenario.")
    passed: bool = Field(description="Whether all its gates passed.")
    message: LongText = Field(description="What its gates found.")


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
    execution: ShortText | None = Field(None, description="Its key, for spec.replayOf.")
    outcome: ShortText = Field(description="Succeeded, Superseded (the spec changed), or the reason of its failure.")
    model_version: ModelVersionNumber | None = Field(None, description="The version it became.")
    completion_time: Time = Field(description="When it ended.")
    cost: Money | None = Field(None, description="What it cost, in the platform's currency.")


class MetricDifference(StatusModel):
    """A metric that a replay did not reproduce. Values are texts, so that NaN can be told."""

    metric: ShortText = Field(description="Name of the metric.")
    original: ShortText | None = Field(None, description="What it was; nothing where the original did not log it.")
    replayed: ShortText | None = Field(None, description="What it is now; nothing where the replay did not log it.")


class ReplayStatus(StatusModel):
    """How a replay compares with the original."""

    of: ShortText = Field(description="The original: its TrainingRun, a slash, and the key of its execution.")
    matches: bool | None = Field(None, description="Whether all metrics are equal; nothing where none can be compared.")
    differences: tuple[MetricDifference, ...] = Field(
        (), max_length=MAX_DIFFERENCES, description="The first metrics that are not equal, by name."
    )


class Cost(StatusModel):
    """What an execution cost so far."""

    amount: Money = Field(description="Of all attempts; of running pods up to the last full minute.")
    currency: ShortText = Field(description="The platform's currency.")
