"""How one version of a model replaces another: strategies, their steps, and what is judged on the way."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import ApiModel, DnsName, ModelVersionNumber, ObjectName, cel, rules

MAX_STEPS, MAX_METRICS, MAX_ABORTED = 20, 16, 20
PromQL = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
AnalysisMetricName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]


class Pause(ApiModel):
    """Waits, with the share of traffic as it is."""

    seconds: int | None = Field(
        None, ge=0, le=2_592_000, description="How long; until spec.rollout.promote approves it when left out."
    )


class AnalysisGate(ApiModel):
    """Waits until the analysis is sure of every metric."""


class Step(ApiModel):
    """One thing that a roll-out does, or waits for."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "[has(self.setWeight), has(self.mirror), has(self.setReplicas), has(self.pause), has(self.analysis)]"
                ".filter(x, x).size() == 1",
                "a step has exactly one of setWeight, mirror, setReplicas, pause, analysis",
            )
        )
    )

    set_weight: int | None = Field(None, ge=0, le=100, description="Percent of the requests that the candidate gets.")
    mirror: int | None = Field(None, ge=0, le=100, description="Percent of the requests that are copied to it.")
    set_replicas: int | None = Field(None, ge=1, le=1000, description="Pods that it has from here on.")
    pause: Pause | None = Field(None, description="Waits for a time, or for approval.")
    analysis: AnalysisGate | None = Field(None, description="Waits until every metric of spec.analysis has passed.")


class Strategy(ApiModel):
    """How one version replaces another."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "!has(self.steps) || (has(self.type) && self.type in ['Canary', 'BlueGreen', 'Shadow'])",
                "steps are for Canary, BlueGreen and Shadow: set strategy.type to one of them, or leave steps out",
            ),
            cel(
                "!has(self.steps) || self.type == 'Canary' || !self.steps.exists(s, has(s.setWeight))",
                "setWeight is for Canary: a BlueGreen or Shadow candidate gets no traffic before it is promoted",
            ),
            cel(
                "!has(self.steps) || self.type != 'BlueGreen' || !self.steps.exists(s, has(s.mirror))",
                "mirror is for Canary and Shadow: a BlueGreen candidate gets no requests before it is promoted",
            ),
        )
    )

    type: Literal["RollingUpdate", "Recreate", "Canary", "BlueGreen", "Shadow"] = Field(
        "RollingUpdate",
        description="RollingUpdate: the new version starts beside the old one, takes the traffic when all its pods "
        "answer, and the old one drains. Recreate: the old version's pods leave before the new one starts, so that "
        "nothing answers in between; for pools without room for both, such as a single GPU. Canary: it gets a share "
        "of the traffic, step by step. BlueGreen: it starts in full, can be tried, and gets no traffic until it is "
        "promoted. Shadow: it gets copies of requests, and its answers are discarded and compared.",
    )
    steps: tuple[Step, ...] | None = Field(
        None,
        min_length=1,
        max_length=MAX_STEPS,
        description="What happens before the new version takes all traffic; left out: of Canary 10 %, 60 s, 50 %, "
        "60 s; of BlueGreen, waiting for approval; of Shadow, all requests mirrored for 300 s.",
    )


class Metric(ApiModel):
    """What is measured of the candidate, and how far it may go."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "[has(self.max), has(self.min), has(self.maxIncrease)].filter(x, x).size() == 1",
                "a metric has exactly one bound: max, min or maxIncrease",
            ),
            cel(
                "has(self.query) || self.name in ['error-rate', 'agreement', 'prediction-drift'] "
                "|| self.name.matches('^latency-p(50|90|95|99|99\\\\.9)-ms$')",
                "without a query the name is error-rate, latency-p50-ms, -p90-, -p95-, -p99- or -p99.9-ms, agreement "
                "or prediction-drift",
            ),
            cel(
                "has(self.query) || (self.name == 'agreement' ? has(self.min) : "
                "self.name == 'error-rate' ? !has(self.min) : has(self.max))",
                "agreement needs min; error-rate max or maxIncrease; latency and prediction-drift max",
            ),
            cel(
                "has(self.query) || !self.name.startsWith('latency-') || !has(self.max) || self.max in "
                "[1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0]",
                "max of a latency is one of the servers' buckets, in milliseconds: 1, 2.5, 5, 10, 25, 50, 100, 250, "
                "500, 1000, 2500, 5000 or 10000",
            ),
            cel("!has(self.query) || !has(self.maxIncrease)", "a metric with a query needs max or min"),
        )
    )

    name: AnalysisMetricName = Field(
        description="error-rate, latency-p99-ms (or p50, p90, p95, p99.9), agreement, prediction-drift; any other with "
        "`query`."
    )
    query: PromQL | None = Field(
        None,
        description="PromQL that gives one number, with {{namespace}}, {{deployment}}, {{version_set}}, "
        "{{stable_version_set}} and {{interval}} filled in.",
    )
    max: float | None = Field(None, description="It may not be more.")
    min: float | None = Field(None, description="It may not be less.")
    max_increase: float | None = Field(None, ge=0, le=1, description="So much more than stable's it may be.")


class Analysis(ApiModel):
    """What the candidate is judged by while it gets requests. Needs the platform's Prometheus."""

    interval_seconds: int = Field(10, ge=5, le=3600, description="How often it is looked at.")
    failure_limit: int = Field(
        2, ge=0, le=100, description="Intervals in a row that prediction-drift or a query may be beyond its bound."
    )
    confidence: float = Field(
        0.95, ge=0.5, le=0.9999, description="How sure the verdict on a count is, however often it is looked at."
    )
    metrics: tuple[Metric, ...] = Field(
        min_length=1,
        max_length=MAX_METRICS,
        description="All must be as they should be.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )


class Promotion(ApiModel):
    """Approval of a roll-out's pauses."""

    version: ModelVersionNumber = Field(description="Of this version only.")
    step: int | None = Field(
        None,
        ge=0,
        le=MAX_STEPS - 1,
        description="Up to this step, counted from 0; left out: all, waiting for no time.",
    )


class Rollout(ApiModel):
    """What people decide of a roll-out, in the repository or by kubectl millwright."""

    paused: bool = Field(False, description="It stays at its step, with its share of traffic.")
    promote: Promotion | None = Field(None, description="Approves pauses of one version.")
    abort: tuple[ModelVersionNumber, ...] = Field(
        (),
        max_length=MAX_ABORTED,
        description="Versions that are not to be served: one on its way leaves, one that serves is rolled back.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class GatewayReference(ApiModel):
    """A Gateway of Gateway API."""

    name: DnsName = Field(description="Its name.")
    namespace: DnsName | None = Field(None, description="Its namespace; this one when left out.")
    section_name: DnsName | None = Field(None, description="One of its listeners; all when left out.")


class Route(ApiModel):
    """Where clients outside the cluster reach the model."""

    gateway: GatewayReference = Field(description="The Gateway that the HTTPRoute asks to be attached to.")
    hostname: ObjectName = Field(description="Host name of the model, for example arr-delay.example.org.")
