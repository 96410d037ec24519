"""An experiment: several versions served at once, until it is known which does better, and what is known of them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.analysis import Metric, PromQL
from millwright.api.common import AliasName, ApiModel, ModelVersionNumber, cel, rules

MAX_ARMS, MAX_GUARDRAILS = 7, 8
# RFC 6265: a token.
CookieName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
PrimaryName = Annotated[str, StringConstraints(min_length=1, max_length=63)]


class Arm(ApiModel):
    """A version that is tried beside the one that spec.model names."""

    model_config = ConfigDict(
        json_schema_extra=rules(cel("has(self.version) != has(self.alias)", "an arm has either version or alias"))
    )

    version: ModelVersionNumber | None = Field(None, description="A version of the Model.")
    alias: AliasName | None = Field(None, description="The version that this alias points to, whichever that is.")
    weight: int = Field(ge=1, le=99, description="Percent of the requests that it gets; a bandit begins with it.")

    @property
    def name(self) -> str:
        """By which it is known in the status."""
        return self.version or self.alias or ""


class Cookie(ApiModel):
    """A cookie that the Gateway sets."""

    name: CookieName = Field(description="Its name.")
    lifetime_seconds: int | None = Field(
        None, ge=1, le=31_536_000, description="How long a client keeps it; until it is closed, when left out."
    )


class Assignment(ApiModel):
    """How a client stays with the version that it got first."""

    cookie: Cookie = Field(description="By a cookie of the Gateway. Needs sessionPersistence of Gateway API.")


class PrimaryMetric(ApiModel):
    """The share that the experiment is about."""

    # The API server compares whole numbers with bounds without their fraction: 0 is not less than 0.0001 to it.
    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.minimumDetectableEffect > 0.0 && (!has(self.baseline) || self.baseline > 0.0)",
                "minimumDetectableEffect and baseline are shares of more than 0",
            )
        )
    )

    name: PrimaryName = Field(description="What it is called, for example conversions.")
    hits: PromQL = Field(
        description="Counters, not summed, of what counts, with {{namespace}}, {{deployment}}, {{version}}, "
        "{{version_set}} and {{pods}} (a regular expression of their names) filled in."
    )
    total: PromQL = Field(description="Counters, the same way, of everything of which they are a share.")
    direction: Literal["Increase", "Decrease"] = Field(description="Where it is to go.")
    minimum_detectable_effect: float = Field(
        ge=0.0001,
        le=0.99,
        description="A difference of the shares that must not be missed: 0.02 is two percentage points.",
    )
    baseline: float | None = Field(
        None,
        ge=0.0001,
        le=0.9999,
        description="The share as it is today, by which samples are planned; measured when left out.",
    )


class Bandit(ApiModel):
    """Weights follow what is known."""

    model_config = ConfigDict(
        json_schema_extra=rules(cel("self.minWeight <= self.maxWeight", "minWeight must not be more than maxWeight"))
    )

    algorithm: Literal["thompson"] = Field(description="Thompson sampling: each gets what its chance to be best is.")
    min_weight: int = Field(5, ge=1, le=50, description="Percent of the requests that each version gets at least.")
    max_weight: int = Field(90, ge=1, le=98, description="Percent of the requests that an arm gets at most.")


class Experiment(ApiModel):
    """Which versions are compared with the one that spec.model names, by what, and when it is over."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.arms.map(a, a.weight).sum() <= 99",
                "the weights of the arms must leave something to the version that spec.model names: 99 at most",
            ),
            cel(
                "self.arms.all(a, self.arms.exists_one(b, (has(a.version) ? a.version : a.alias) == "
                "(has(b.version) ? b.version : b.alias)))",
                "each version or alias is an arm only once",
            ),
            cel(
                "!has(self.guardrails) || !self.guardrails.exists(m, m.name == 'agreement' && !has(m.query))",
                "agreement is of mirrored requests, which arms do not get: take it out of the guardrails",
            ),
            cel(
                "!has(self.bandit) || self.bandit.minWeight * (self.arms.size() + 1) <= 100",
                "bandit.minWeight is for each arm and the version that spec.model names: all together 100 at most",
            ),
        )
    )

    arms: tuple[Arm, ...] = Field(min_length=1, max_length=MAX_ARMS, description="The versions that are tried.")
    assignment: Assignment | None = Field(
        None, description="How clients stay with a version; each request by itself when left out."
    )
    primary: PrimaryMetric = Field(description="What decides.")
    guardrails: tuple[Metric, ...] = Field(
        (),
        max_length=MAX_GUARDRAILS,
        description="What no arm may break: one that does loses its requests at once.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    interval_seconds: int = Field(30, ge=5, le=3600, description="How often it is looked at.")
    confidence: float = Field(
        0.95,
        ge=0.5,
        le=0.9999,
        description="How sure the verdicts are, of all arms together, however often one looks.",
    )
    power: float = Field(
        0.8,
        ge=0.5,
        le=0.99,
        description="How surely the least effect is found with the planned samples.",
    )
    max_duration_seconds: int | None = Field(
        None, ge=60, le=31_536_000, description="After that it is over, whatever is known; never when left out."
    )
    when_decided: Literal["Hold", "Promote"] = Field(
        "Hold", description="Hold: the weights stay. Promote: the best version gets all requests."
    )
    bandit: Bandit | None = Field(None, description="Moves the weights; they stay as the arms say when left out.")
