"""Deployment: a model version served, and rolled forward when its alias moves."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import (
    NOT_OBSERVED,
    AliasName,
    ApiModel,
    Conditions,
    DnsName,
    LongText,
    ModelVersionNumber,
    ObjectName,
    ObservedGeneration,
    Resources,
    ShortText,
    StatusModel,
    StorageReference,
    Time,
    cel,
    rules,
)

MAX_HISTORY = 10
DEFAULT_ALIAS = "champion"


class ModelReference(ApiModel):
    """Which version of which Model to serve."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "!(has(self.alias) && has(self.version))",
                "set either model.alias (follows the alias) or model.version (stays on it), not both",
            )
        )
    )

    name: DnsName = Field(description="A Model in this namespace.")
    alias: AliasName | None = Field(
        None, description="Serve what this alias points to, and follow it; champion when version is left out too."
    )
    version: ModelVersionNumber | None = Field(None, description='Serve this version and stay on it, for example "7".')


class EnvironmentVariable(ApiModel):
    """A plain environment variable of the server."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description="Name. MILLWRIGHT_ names belong to the platform.",
        json_schema_extra=rules(
            cel(
                "!self.startsWith('MILLWRIGHT_MODEL')", "MILLWRIGHT_MODEL… variables are set by the operator; remove it"
            )
        ),
    )
    value: LongText | None = Field(None, description="Value, empty when left out; never a credential.")


class PodTemplate(ApiModel):
    """What differs from the platform's serving pod."""

    labels: dict[str, ShortText] = Field(default_factory=dict, max_length=32, description="More labels of the pods.")
    annotations: dict[str, LongText] = Field(
        default_factory=dict, max_length=32, description="More annotations of the pods."
    )
    env: tuple[EnvironmentVariable, ...] = Field(
        (),
        max_length=64,
        description="More environment variables of the server.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    resources: Resources | None = Field(
        None, description="Requests and limits of the server; the platform's when left out."
    )


class Strategy(ApiModel):
    """How one version replaces another."""

    type: Literal["RollingUpdate"] = Field(
        "RollingUpdate",
        description="RollingUpdate: the new version starts beside the old one, takes the traffic when all its pods "
        "answer, and the old one drains.",
    )


class DeploymentSpec(ApiModel):
    """Which model version is served, by how many pods."""

    model: ModelReference = Field(description="Which version of which Model to serve.")
    replicas: int = Field(1, ge=0, le=1000, description="How many pods serve.")
    template: PodTemplate = Field(default_factory=PodTemplate, description="Overrides of the serving pods.")
    strategy: Strategy = Field(default_factory=Strategy, description="How one version replaces another.")
    progress_deadline_seconds: int = Field(
        600, ge=10, le=86400, description="Seconds a new version may take to answer; then the old one stays."
    )
    service_account_name: ObjectName | None = Field(
        None, description="Service account of the serving pods. Its API token is not mounted."
    )
    storage: StorageReference | None = Field(
        None, description="Object storage credentials; the platform's default Secret name when left out."
    )


class ServedVersion(StatusModel):
    """One version and the version set that serves it."""

    version: ModelVersionNumber = Field(description="Model version.")
    version_set: ShortText = Field(description="Name of its apps/v1 Deployment and Service.")
    digest: ShortText = Field(description="Digest of the package it serves.")
    since: Time = Field(description="When it was chosen.")


class DeploymentStatus(StatusModel):
    """What is served."""

    observed_generation: ObservedGeneration = NOT_OBSERVED
    url: LongText | None = Field(None, description="Where the model answers, inside the cluster.")
    stable: ServedVersion | None = Field(None, description="What the traffic goes to.")
    candidate: ServedVersion | None = Field(None, description="What is on its way to replace it.")
    rejected: ServedVersion | None = Field(
        None, description="A version set that did not become ready in time; not tried again until something changes."
    )
    draining_since: Time | None = Field(
        None, description="When the last switch of traffic was; old pods leave after it."
    )
    history: tuple[ServedVersion, ...] = Field((), max_length=MAX_HISTORY, description="What was served, newest first.")
    replicas: int = Field(0, ge=0, description="Pods of the serving version.")
    ready_replicas: int = Field(0, ge=0, description="Those of them that answer.")
    selector: LongText | None = Field(None, description="Label selector of the serving pods, for autoscalers.")
    conditions: Conditions = Field((), description="Ready, Reconciling, Stalled, Available, Progressing.")
