"""Deployment: a model version served, and rolled forward when its alias moves."""

from typing import Literal

from pydantic import ConfigDict, Field

from millwright.api.analysis import MAX_METRICS, Analysis
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
    ShortText,
    StatusModel,
    StorageReference,
    Time,
    cel,
    rules,
)
from millwright.api.experiment import MAX_ARMS
from millwright.api.pod_template import PodTemplate
from millwright.api.rollout import Rollout, Route, Strategy
from millwright.api.runtime import IS_CUSTOM, Runtime

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


class Autoscaling(ApiModel):
    """Bounds and target of the HorizontalPodAutoscaler that the operator makes."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel("self.minReplicas <= self.maxReplicas", "minReplicas must not be more than maxReplicas")
        )
    )

    min_replicas: int = Field(1, ge=1, le=1000, description="Fewest pods.")
    max_replicas: int = Field(ge=1, le=1000, description="Most pods.")
    target_cpu_utilization_percentage: int = Field(
        80,
        ge=1,
        le=1000,
        alias="targetCPUUtilizationPercentage",
        description="CPU that the pods shall use on average, in percent of what they request.",
    )


class DeploymentSpec(ApiModel):
    """Which model version is served, by how many pods."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "!has(self.autoscaling) || self.replicas == 1 "
                "|| (oldSelf.hasValue() && has(oldSelf.value().autoscaling))",
                "set either replicas or autoscaling, not both: an autoscaler writes replicas, so leave it out; "
                "where kubectl or an autoscaler has set it before, set it to 1",
                optional_old_self=True,
            ),
            cel(
                "!has(self.autoscaling) || !has(self.template) || !has(self.template.resources) "
                "|| (has(self.template.resources.requests) && 'cpu' in self.template.resources.requests) "
                "|| (has(self.template.resources.limits) && 'cpu' in self.template.resources.limits)",
                "autoscaling compares with the CPU that pods request: name cpu in template.resources.requests",
            ),
            cel(
                "has(self.route) || !has(self.strategy) || !has(self.strategy.type) || self.strategy.type != 'Shadow' "
                "&& !(has(self.strategy.steps) && self.strategy.steps.exists(s, has(s.mirror)))",
                "a Gateway copies the requests: set route, or a strategy without mirror",
            ),
            cel(
                "has(self.route) || !has(self.strategy) || !has(self.strategy.experiment)",
                "a Gateway shares the requests among the versions of an experiment: set route",
            ),
            cel(
                "!has(self.analysis) || (has(self.strategy) && has(self.strategy.type) "
                "&& self.strategy.type in ['Canary', 'Shadow'])",
                "analysis judges a candidate that gets requests: set strategy.type to Canary or Shadow; an Experiment "
                "has guardrails",
            ),
            cel(
                f"!({IS_CUSTOM}) || !has(self.strategy) || self.strategy.type != 'Shadow' "
                "&& !(has(self.strategy.steps) && self.strategy.steps.exists(s, has(s.mirror)))",
                "answers to copied requests are compared by the platform's own server, not by a Custom runtime: take a "
                "strategy without mirror",
            ),
            cel(
                f"!({IS_CUSTOM}) || (!has(self.analysis) || self.analysis.metrics.all(m, has(m.query))) "
                "&& !(has(self.strategy) && has(self.strategy.experiment) && has(self.strategy.experiment.guardrails) "
                "&& self.strategy.experiment.guardrails.exists(m, !has(m.query)))",
                "metrics without a query read the counters of the platform's own server, which a Custom runtime has "
                "not: give each metric of the analysis and each guardrail a query",
            ),
            cel(
                "!has(self.runtime) || !has(self.template) || !has(self.template.env) "
                "|| !self.template.env.exists(e, e.name == 'MILLWRIGHT_LOG_SAMPLE')",
                "the payload log is written with credentials that a runtime does not get: take MILLWRIGHT_LOG_SAMPLE "
                "out of template.env",
            ),
        )
    )

    model: ModelReference = Field(description="Which version of which Model to serve.")
    replicas: int = Field(
        1,
        ge=0,
        le=1000,
        description="How many pods serve. Leave it out where an autoscaler or kubectl scale decides.",
    )
    autoscaling: Autoscaling | None = Field(
        None, description="A HorizontalPodAutoscaler that writes replicas, within these bounds."
    )
    node_pool: DnsName | None = Field(
        None, description="The platform's node pool that the pods run on; the platform's default pool when left out."
    )
    template: PodTemplate = Field(default_factory=PodTemplate, description="Overrides of the serving pods.")
    runtime: Runtime | None = Field(
        None, description="Another server than the platform's, for models that it cannot load."
    )
    strategy: Strategy = Field(default_factory=Strategy, description="How one version replaces another.")
    analysis: Analysis | None = Field(None, description="What a candidate is judged by while it gets requests.")
    rollout: Rollout = Field(default_factory=Rollout, description="What people decide of a roll-out.")
    route: Route | None = Field(
        None, description="Where clients outside the cluster reach the model; inside only, when left out."
    )
    progress_deadline_seconds: int = Field(
        600,
        ge=10,
        le=86400,
        description="Seconds a new version may take to answer; then the last known good one stays, or starts again.",
    )
    service_account_name: ObjectName | None = Field(
        None, description="Service account of the serving pods. Its API token is not mounted."
    )
    storage: StorageReference | None = Field(
        None, description="Object storage credentials; the platform's default Secret name when left out."
    )


class ServedVersion(StatusModel):
    """One version and the version set that serves it, with what the registry said of it."""

    version: ModelVersionNumber = Field(description="Model version.")
    version_set: ShortText = Field(description="Name of its apps/v1 Deployment and Service.")
    digest: ShortText = Field(description="Digest of the package it serves.")
    since: Time = Field(description="When its pods were first asked for; of what serves, when it got the traffic.")
    model: ShortText = Field("", description="The Model that it is a version of.")
    package_uri: LongText = Field("", alias="packageURI", description="Where the package is.")
    gates_passed: bool = Field(False, description="Whether it passed its gates.")
    allow_pickle: bool = Field(False, description="Whether its server may load a pickle.")


class MetricFinding(StatusModel):
    """What is known of one metric of the analysis."""

    metric: ShortText = Field(description="Its name.")
    state: Literal["Failed", "Passed", "Undecided"] = Field(description="Failed, Passed or Undecided.")
    message: LongText = Field(description="The numbers, and how sure they are.")


class Candidate(ServedVersion):
    """A version on its way, and where it is."""

    attempt: ShortText = Field("", description="Hash of the strategy and analysis that it is tried with.")
    step: int = Field(0, ge=0, description="Step under way, counted from 0; as many as there are steps after the last.")
    step_since: Time | None = Field(None, description="When that began.")
    weight: int = Field(0, ge=0, le=100, description="Percent of the requests that it gets.")
    mirror: int = Field(0, ge=0, le=100, description="Percent of the requests that are copied to it.")
    exposed_since: Time | None = Field(None, description="When it got its first requests.")
    without_surge: bool = Field(
        False, description="Whether pods of what serves leave for it, as nodes have no room for both."
    )
    findings: tuple[MetricFinding, ...] = Field((), max_length=MAX_METRICS, description="What the analysis knows.")


class ArmStatus(ServedVersion):
    """An arm of an experiment, and what is known of it: its scorecard.

    `hits`, `samples` and those of the version that spec.model names are counted since the arm's first requests, and
    until its verdict.
    """

    name: ShortText = Field(description="The version or alias by which the spec names it.")
    share: int = Field(0, ge=0, le=100, description="Percent of the requests that it is to get.")
    replicas: int = Field(0, ge=0, description="Pods that it shall have for that.")
    weight: int = Field(0, ge=0, le=100, description="Percent of the requests that it gets.")
    exposed_since: Time | None = Field(None, description="When it got its first requests.")
    samples: float = Field(0, ge=0, description="How many were counted.")
    hits: float = Field(0, ge=0, description="Those of them that count.")
    control_samples: float = Field(0, ge=0, description="How many of the version that spec.model names, meanwhile.")
    control_hits: float = Field(0, ge=0, description="Those of them that count.")
    required_samples: int | None = Field(None, ge=0, description="How many it needs, as planned.")
    value: float | None = Field(None, description="Its share.")
    effect: float | None = Field(None, description="How much more that is than of the version that spec.model names.")
    lower: float | None = Field(None, description="The effect is not less.")
    upper: float | None = Field(None, description="The effect is not more.")
    verdict: Literal["Undecided", "Better", "Worse", "Same", "Failed"] = Field(
        "Undecided", description="Same: surely less of a difference than the minimum. Failed: a guardrail or its pods."
    )
    message: LongText = Field("", description="The numbers in words; why it failed.")


class ExperimentStatus(StatusModel):
    """An experiment."""

    attempt: ShortText = Field(description="Hash of what is compared, and how: another one begins anew.")
    control: ModelVersionNumber = Field(description="The version that the arms are compared with.")
    began: Time = Field(description="When.")
    counted_to: Time = Field(description="Up to when requests are counted.")
    arms: tuple[ArmStatus, ...] = Field((), max_length=MAX_ARMS, description="Its arms.")
    decided_at: Time | None = Field(None, description="When it was over.")
    winner: ModelVersionNumber | None = Field(None, description="The best version, when it is over.")


class RejectedVersion(ServedVersion):
    """A roll-out that failed: the version, how it was tried, and why it failed."""

    since: Time = Field(description="When it was given up.")
    attempt: ShortText = Field("", description="Hash of the strategy and analysis that it was tried with.")
    progress_deadline_seconds: int = Field(0, ge=0, description="Seconds that its pods were given.")
    verdict: ShortText = Field(
        "ProgressDeadlineExceeded", description="ProgressDeadlineExceeded, CandidateFailed or AnalysisFailed."
    )
    reason: ShortText = Field(description="Why, for example OOMKilled, DigestMismatch or the metric that failed.")
    message: LongText = Field(description="What Kubernetes, the server or the analysis said of it.")


class DeploymentStatus(StatusModel):
    """What is served."""

    observed_generation: ObservedGeneration = NOT_OBSERVED
    url: LongText | None = Field(None, description="Where the model answers, inside the cluster.")
    stable: ServedVersion | None = Field(None, description="What the traffic goes to.")
    candidate: Candidate | None = Field(None, description="What is on its way to replace it.")
    experiment: ExperimentStatus | None = Field(None, description="What is served beside it, to be compared.")
    last_known_good: ServedVersion | None = Field(
        None, description="What last answered with all its pods: a roll-out that fails goes back to it."
    )
    rejected_version: RejectedVersion | None = Field(
        None, description="What failed. It is not tried again until something changes."
    )
    draining_since: Time | None = Field(
        None, description="When the last switch of traffic was; old pods leave after it."
    )
    routed: bool = Field(False, description="Whether there is an HTTPRoute of it.")
    history: tuple[ServedVersion, ...] = Field((), max_length=MAX_HISTORY, description="What was served, newest first.")
    replicas: int = Field(0, ge=0, description="Pods of the version that serves.")
    ready_replicas: int = Field(0, ge=0, description="Those of them that answer.")
    selector: LongText | None = Field(None, description="Label selector of the pods that serve, for autoscalers.")
    conditions: Conditions = Field((), description="Ready, Reconciling, Stalled, Available, Progressing, Degraded.")
