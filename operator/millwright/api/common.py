"""Types that the three kinds share."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

GROUP = "millwright.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

DnsName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
ObjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
AliasName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9_]*[a-z0-9])?$")]
ModelVersionNumber = Annotated[str, StringConstraints(max_length=12, pattern=r"^[1-9][0-9]*$")]
MetricName = Annotated[str, StringConstraints(min_length=1, max_length=250)]
ShortText = Annotated[str, StringConstraints(max_length=253)]
LongText = Annotated[str, StringConstraints(max_length=4096)]
# What kstatus is told of an object that nobody has looked at: it takes one that says nothing for ready.
NOT_OBSERVED = -1
ObservedGeneration = Annotated[
    int,
    Field(ge=NOT_OBSERVED, description="metadata.generation that this status speaks of; -1 before the first look."),
]
# RFC 3339 with whole seconds and Z, as Kubernetes writes metav1.Time.
Time = Annotated[
    datetime,
    PlainSerializer(lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"), return_type=str, when_used="json"),
]


def cel(rule: str, message: str, optional_old_self: bool = False) -> dict[str, Any]:
    """One `x-kubernetes-validations` entry; `message` says what to do.

    `optional_old_self`: the rule holds for new objects too, which have no `oldSelf`. Kubernetes 1.30 or newer.
    """
    return {"rule": rule, "message": message} | ({"optionalOldSelf": True} if optional_old_self else {})


def rules(*entries: dict[str, Any]) -> dict[str, Any]:
    """`json_schema_extra` that carries CEL rules into the CRD."""
    return {"x-kubernetes-validations": list(entries)}


class ApiModel(BaseModel):
    """camelCase in YAML, snake_case here; immutable; an unknown field is an error."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def manifest(self) -> dict[str, Any]:
        """The value as it stands in YAML, without what was never set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StatusModel(ApiModel):
    """Status is read back leniently, so that an operator can follow a newer one's objects."""

    model_config = ConfigDict(extra="ignore")


class Condition(StatusModel):
    """metav1.Condition."""

    type: ShortText = Field(description="What the condition is about, for example Ready.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: ShortText = Field(description="CamelCase word, stable, for programs.")
    message: Annotated[str, StringConstraints(max_length=2048)] = Field(
        description="A sentence that a person can act on."
    )
    observed_generation: int = Field(0, ge=0, description="metadata.generation that the condition speaks of.")
    last_transition_time: Time = Field(description="When `status` last changed.")


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


class MetricValue(StatusModel):
    """A metric that a run logged."""

    name: ShortText = Field(description="Name of the metric.")
    value: float = Field(description="Its last value.")


class StorageReference(ApiModel):
    """Where the credentials of object storage are."""

    secret_ref: DnsName = Field(
        description="Secret in this namespace; its keys become environment variables "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_DEFAULT_REGION)."
    )


class Resources(ApiModel):
    """Compute resources of a container."""

    requests: dict[str, ShortText] = Field(
        default_factory=dict, max_length=8, description="What the pod is guaranteed, for example cpu: 500m."
    )
    limits: dict[str, ShortText] = Field(
        default_factory=dict, max_length=8, description="What the pod may use at most, for example memory: 2Gi."
    )
