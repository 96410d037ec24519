"""What a Deployment may say of its pods. Security context, probes, volumes and commands are the platform's."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from millwright.api.common import ApiModel, LongText, ObjectName, Resources, cel, rules

LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
QualifiedName = Annotated[
    str, StringConstraints(max_length=317, pattern=r"^([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]
# What the server reads of its environment (docs/contracts.md) and is not the operator's to set.
SERVER_VARIABLES = (
    "MILLWRIGHT_(ACCESS_LOG|BATCH_MAX_DELAY_MS|BATCH_MAX_ROWS|COMPARE_ATOL|COMPARE_RTOL|DRAIN_MIN|DRAIN_SECONDS|"
    "LOG_SAMPLE|LOG_URI|MAX_BODY_BYTES|REQUEST_SECONDS|THREADS)"
)


class EnvironmentVariable(ApiModel):
    """A plain environment variable of the server."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description="Name. MILLWRIGHT_ names belong to the platform, but for those that tune the server: "
        "MILLWRIGHT_ACCESS_LOG, _BATCH_MAX_DELAY_MS, _BATCH_MAX_ROWS, _COMPARE_ATOL, _COMPARE_RTOL, _DRAIN_MIN, "
        "_DRAIN_SECONDS, _LOG_SAMPLE, _LOG_URI, _MAX_BODY_BYTES, _REQUEST_SECONDS, _THREADS.",
        json_schema_extra=rules(
            cel(
                f"!self.startsWith('MILLWRIGHT_') || self.matches('^{SERVER_VARIABLES}$')",
                "MILLWRIGHT_ variables are set by the operator, but for MILLWRIGHT_ACCESS_LOG, _BATCH_*, "
                "_COMPARE_ATOL, _COMPARE_RTOL, _DRAIN_*, _LOG_*, _MAX_BODY_BYTES, _REQUEST_SECONDS and _THREADS; "
                "remove it",
            )
        ),
    )
    value: LongText | None = Field(None, description="Value, empty when left out; never a credential.")


class PodMetadata(ApiModel):
    """Labels and annotations of the pods, where kustomize's transformers put them, too."""

    labels: dict[str, LabelValue] = Field(
        default_factory=dict,
        max_length=32,
        description="More labels of the pods. Those that the platform sets win.",
        json_schema_extra=rules(
            cel(
                "self.all(name, !name.startsWith('millwright.dev/'))",
                "labels under millwright.dev/ are set by the operator; remove them",
            )
        ),
    )
    annotations: dict[str, LongText] = Field(
        default_factory=dict,
        max_length=32,
        description="More annotations of the pods.",
        json_schema_extra=rules(
            cel(
                "self.all(name, !name.startsWith('millwright.dev/') && !name.contains('.security.'))",
                "annotations under millwright.dev/ are set by the operator, and the pods' security is the platform's; "
                "remove them",
            )
        ),
    )


class TopologySpreadConstraint(ApiModel):
    """How the pods of one version spread over nodes or zones, as in a pod spec; they are counted by themselves."""

    max_skew: int | None = Field(
        None, ge=1, le=100, description="Most pods that one domain may have more than another; 1 when left out."
    )
    topology_key: QualifiedName = Field(
        description="Label of nodes that makes a domain, for example topology.kubernetes.io/zone."
    )
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] | None = Field(
        None,
        description="DoNotSchedule: a pod waits for a place that fits. ScheduleAnyway, when left out: it need not.",
    )


class PodTemplate(ApiModel):
    """What differs from the platform's serving pod."""

    metadata: PodMetadata = Field(default_factory=PodMetadata, description="Labels and annotations of the pods.")
    env: tuple[EnvironmentVariable, ...] = Field(
        (),
        max_length=64,
        description="More environment variables of the server.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    resources: Resources | None = Field(
        None, description="Requests and limits of the server; the platform's when left out."
    )
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = Field(
        (),
        max_length=4,
        description="How the pods spread over nodes or zones; the scheduler's defaults when left out.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["topologyKey"]},
    )
    priority_class_name: ObjectName | None = Field(
        None, description="PriorityClass of the pods, for example one above that of training."
    )
