"""How one version of a model replaces another: strategies and their steps, and where clients reach it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, WithJsonSchema

from millwright.api.common import ApiModel, DnsName, ModelVersionNumber, ObjectName, cel, rules
from millwright.api.experiment import Experiment

MAX_STEPS, MAX_ABORTED = 20, 20
PERCENT = r"^(100|[1-9]?[0-9])%$"
# Kubernetes' IntOrString, as of maxUnavailable.
PodsOrPercent = Annotated[
    Annotated[int, Field(ge=0, le=1000)] | Annotated[str, StringConstraints(pattern=PERCENT)],
    WithJsonSchema({"x-kubernetes-int-or-string": True, "minimum": 0, "maximum": 1000, "pattern": PERCENT}),
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
            cel(
                "has(self.experiment) == (has(self.type) && self.type == 'Experiment')",
                "strategy.type Experiment and strategy.experiment need each other",
            ),
            cel(
                "!has(self.maxUnavailable) || self.type in ['RollingUpdate', 'Canary', 'Experiment']",
                "maxUnavailable is for RollingUpdate, Canary and Experiment: BlueGreen and Shadow need room for both "
                "versions, and Recreate's pods all leave first",
            ),
        )
    )

    type: Literal["RollingUpdate", "Recreate", "Canary", "BlueGreen", "Shadow", "Experiment"] = Field(
        "RollingUpdate",
        description="RollingUpdate: the new version starts beside the old one, takes the traffic when all its pods "
        "answer, and the old one drains. Recreate: the old version's pods leave before the new one starts, so that "
        "nothing answers in between; for pools without room for both, such as a single GPU. Canary: it gets a share "
        "of the traffic, step by step. BlueGreen: it starts in full, can be tried, and gets no traffic until it is "
        "promoted. Shadow: it gets copies of requests, and its answers are discarded and compared. Experiment: as "
        "RollingUpdate, and other versions are served beside it, until it is known which does best.",
    )
    steps: tuple[Step, ...] | None = Field(
        None,
        min_length=1,
        max_length=MAX_STEPS,
        description="What happens before the new version takes all traffic; left out: of Canary 10 %, 60 s, 50 %, "
        "60 s; of BlueGreen, waiting for approval; of Shadow, all requests mirrored for 300 s.",
    )
    experiment: Experiment | None = Field(None, description="What is tried, of strategy.type Experiment.")
    max_unavailable: PodsOrPercent | None = Field(
        None,
        description="Pods of replicas, or percent of them rounded down, that may be missing where nodes have no room "
        "for both versions: the old version's pods then leave one after the other for those of the new one. Left out: "
        "25%, as of Kubernetes' own Deployments; 0 of a Canary, which waits for room.",
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
