"""Model: a registered model, its versions, who approved them and what they are called."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import (
    NOT_OBSERVED,
    AliasName,
    ApiModel,
    Conditions,
    LongText,
    ModelVersionNumber,
    ObservedGeneration,
    ShortText,
    StatusModel,
    cel,
    rules,
)

MAX_VERSIONS = 20
LATEST_APPROVED = "LatestApproved"
LATEST = "Latest"
EXTERNAL = "External"
AliasRule = Literal["LatestApproved", "Latest", "External"]
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


class ModelSpec(ApiModel):
    """How a registered model is named, approved and aliased."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.registeredName) == has(oldSelf.registeredName)",
                "registeredName can be neither added nor taken away: make a new Model",
            )
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
        "External: people move it in MLflow, and serving follows. When left out, champion: LatestApproved.",
    )
    allow_pickle: bool = Field(
        False,
        description="true: a model that converts neither to ONNX nor to skops may be stored and served as a pickle. "
        "A pickle runs code when it is loaded.",
    )


class VersionStatus(StatusModel):
    """One version in the registry."""

    version: ModelVersionNumber = Field(description="Its number.")
    digest: ShortText | None = Field(None, description="Digest of its package.")
    format: ShortText | None = Field(None, description="onnx, skops or pickle.")
    training_run: ShortText | None = Field(None, description="The TrainingRun that made it.")
    mlflow_run: ShortText | None = Field(None, description="The MLflow run that made it.")
    approved: bool = Field(False, description="Whether it may be used.")


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
    conditions: Conditions = Field((), description="Ready, Reconciling, Stalled, Registered, Approved.")
