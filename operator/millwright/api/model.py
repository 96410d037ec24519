"""Model: a registered model, its versions, who approved them and what they are called."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import (
    NOT_OBSERVED,
    AliasName,
    ApiModel,
    Conditions,
    DnsName,
    LongText,
    MetricName,
    MetricValue,
    ModelVersionNumber,
    ObservedGeneration,
    ShortText,
    StatusModel,
    cel,
    rules,
)
from millwright.api.model_import import ImportStatus, ModelImport

MAX_VERSIONS = 20
MAX_METRICS = 10
MAX_DEPLOYED_BY = 50
LATEST_APPROVED = "LatestApproved"
LATEST = "Latest"
BEST_BY = "BestBy"
EXTERNAL = "External"
AliasRule = Literal["LatestApproved", "Latest", "BestBy", "External"]
# The API server does not fill it in: it could not take it away again (docs/decisions/024).
DEFAULT_ALIASES: dict[str, AliasRule] = {"champion": "LatestApproved"}
RegisteredName = Annotated[
    str, StringConstraints(min_length=3, max_length=127, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\.[A-Za-z0-9._-]+$")
]


class Approval(ApiModel):
    """Who decides that a version may be used."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.policy == 'Manual' || !has(self.approvedVersions) || size(self.approvedVersions) == 0",
                "approvedVersions belongs to policy: Manual; remove it or set the policy to Manual",
            )
        )
    )

    policy: Literal["Automatic", "Manual"] = Field(
        "Automatic",
        description="Automatic: every version whose gates passed is approved. Manual: those in approvedVersions are.",
    )
    approved_versions: tuple[ModelVersionNumber, ...] = Field(
        (),
        max_length=200,
        description='Versions that people approved, for example ["7"]; approving is a change of this list.',
    )


class BestBy(ApiModel):
    """How versions are compared."""

    metric: MetricName = Field(
        description="Name of a metric that the runs log. A version without it, or with NaN, is never the best."
    )
    goal: Literal["Maximize", "Minimize"] = Field(
        description="Maximize: the highest value is the best. Minimize: the lowest. Of equal versions the newest."
    )


class Retention(ApiModel):
    """Which versions are kept."""

    keep_versions: int = Field(
        ge=1,
        le=10000,
        description="How many of the newest versions are kept. Older ones are deleted from the registry, and their "
        "packages from storage, unless an alias points to them, a Deployment serves or names them, or "
        "approvedVersions names them. Versions that people registered by hand are left alone.",
    )


class UpstreamReference(ApiModel):
    """A Model that this one is built on."""

    name: DnsName = Field(description="A Model in this namespace.")


class ModelSpec(ApiModel):
    """How a registered model is named, approved and aliased."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.registeredName) == has(oldSelf.registeredName)",
                "registeredName can be neither added nor taken away: make a new Model",
            ),
            cel(
                "has(self.bestBy) == (has(self.aliases) && self.aliases.exists(a, self.aliases[a] == 'BestBy'))",
                "bestBy says by which metric an alias with the rule BestBy is chosen: set both, or neither",
            ),
        )
    )

    registered_name: RegisteredName | None = Field(
        None,
        description="Name in the MLflow registry; <namespace>.<name> when left out. It must begin with "
        "'<namespace>.': namespaces cannot touch each other's models.",
        json_schema_extra=rules(
            cel("self == oldSelf", "registeredName cannot change: make a new Model under the new name")
        ),
    )
    owner: ShortText | None = Field(
        None, description="Who answers for the model, for example team-flights@example.org."
    )
    description: LongText | None = Field(None, description="What the model answers; shown in MLflow.")
    approval: Approval = Field(default_factory=Approval, description="Who decides that a version may be used.")
    aliases: dict[AliasName, AliasRule] = Field(
        default_factory=DEFAULT_ALIASES.copy,
        max_length=16,
        description="What each alias points to. LatestApproved: the newest approved version; Latest: the newest; "
        "BestBy: the approved version that is the best by the metric in `bestBy`; "
        "External: people move it in MLflow, and serving follows. When left out, champion: LatestApproved.",
    )
    best_by: BestBy | None = Field(None, description="What the rule BestBy means in `aliases`.")
    retention: Retention | None = Field(None, description="Which versions are kept; all, when left out.")
    deletion_policy: Literal["Retain", "Delete"] = Field(
        "Retain",
        description="What becomes of the registered model when this Model is deleted. Retain: nothing. Delete: it is "
        "deleted with all its versions and their packages, as soon as no Deployment serves one.",
    )
    depends_on: tuple[UpstreamReference, ...] = Field(
        (),
        max_length=16,
        description="Models that this one is built on. When the approved version of one is another than the one that "
        "the newest version here was made with, the condition UpToDate says so.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    allow_pickle: bool = Field(
        False,
        description="true: a model that converts neither to ONNX nor to skops may be stored and served as a pickle or, "
        "by a Deployment with spec.runtime, as MLflow has it. Both run code when they are loaded.",
    )
    import_: ModelImport | None = Field(
        None,
        alias="import",
        description="A model that was trained elsewhere, to become a version beside those of TrainingRuns.",
    )


class VersionStatus(StatusModel):
    """One version in the registry."""

    version: ModelVersionNumber = Field(description="Its number.")
    digest: ShortText | None = Field(None, description="Digest of its package.")
    format: ShortText | None = Field(None, description="onnx, skops, pickle or mlflow.")
    training_run: ShortText | None = Field(None, description="The TrainingRun that made it.")
    imported_from: LongText | None = Field(None, description="Where it was imported from.")
    mlflow_run: ShortText | None = Field(None, description="The MLflow run that made it.")
    approved: bool = Field(False, description="Whether it may be used.")
    metrics: tuple[MetricValue, ...] = Field(
        (),
        max_length=MAX_METRICS,
        description="What its run measured: first the metric of `bestBy`, then those that gates judged.",
    )


class DeployedBy(StatusModel):
    """A Deployment that serves a version."""

    name: ShortText = Field(description="Its name.")
    version: ModelVersionNumber = Field(description="The version.")
    role: ShortText = Field(
        description="stable: traffic goes to it. candidate: it is on its way to replace that. arm: it is tried."
    )


class ModelStatus(StatusModel):
    """What the registry holds."""

    observed_generation: ObservedGeneration = NOT_OBSERVED
    registered_name: ShortText | None = Field(None, description="Name in the MLflow registry.")
    registry_url: LongText | None = Field(None, alias="registryURL", description="Where a browser shows it.")
    latest_version: ModelVersionNumber | None = Field(None, description="The newest version.")
    approved_version: ModelVersionNumber | None = Field(None, description="The newest approved version.")
    aliases: dict[str, ModelVersionNumber] = Field(
        default_factory=dict, max_length=16, description="The version that each alias points to."
    )
    versions: tuple[VersionStatus, ...] = Field((), max_length=MAX_VERSIONS, description="Last versions, newest first.")
    deployed_by: tuple[DeployedBy, ...] = Field(
        (), max_length=MAX_DEPLOYED_BY, description="The first Deployments, by name, that serve a version."
    )
    import_: ImportStatus | None = Field(None, alias="import", description="How far the import has got.")
    conditions: Conditions = Field(
        (), description="Ready, Reconciling, Stalled, Registered, Approved, Aliased, UpToDate, Imported."
    )
