"""What a version is judged by while it gets requests."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import ApiModel, cel, rules

MAX_METRICS = 16
PromQL = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
AnalysisMetricName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]


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
