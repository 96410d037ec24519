"""Gates: what a run's metrics must show before its model is registered."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import AliasName, ApiModel, MetricName, ModelVersionNumber, cel, rules

MAX_GATES = 32
MAX_SCENARIOS = 32
MAX_GATES_OF_A_SCENARIO = 4
ScenarioName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]


class VersionReference(ApiModel):
    """A version of the Model in `output`, to compare with: exactly one of alias and version."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel("has(self.alias) != has(self.version)", "name what to compare with by exactly one of alias and version")
        )
    )

    alias: AliasName | None = Field(
        None, description="What this alias points to when the run is judged. While it points nowhere, the gate passes."
    )
    version: ModelVersionNumber | None = Field(None, description='A version for good, for example "7".')


class Gate(ApiModel):
    """A check on one metric that the run must pass before its model is registered."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.threshold) != has(self.relativeTo)",
                "name what the metric is compared with by exactly one of threshold and relativeTo",
            ),
            cel("!has(self.tolerance) || has(self.relativeTo)", "tolerance belongs to relativeTo: leave it out"),
        )
    )

    metric: MetricName = Field(
        description="Name of a metric that the run logs to MLflow. A metric that is missing or NaN fails the gate."
    )
    operator: Literal[">=", ">", "<=", "<"] = Field(
        description="How the metric compares with `threshold`, or with the same metric of another version: "
        "metric OPERATOR threshold must be true."
    )
    threshold: float | None = Field(None, description="The bound, in the metric's own unit.")
    relative_to: VersionReference | None = Field(
        None,
        description="Instead of `threshold`: the bound is the same metric of a version, as that version's MLflow run "
        "logged it. Where it is missing or NaN there, the gate fails.",
    )
    tolerance: float | None = Field(
        None,
        ge=0,
        description="How much worse than that version the run may be, in the metric's own unit; 0, when left out.",
    )


class Scenario(ApiModel):
    """A named slice of the evaluation. Its metrics are those whose names end with a slash and its name."""

    name: ScenarioName = Field(
        description="Name of the slice: roc_auc of scenario night-flights is the metric roc_auc/night-flights."
    )
    gates: tuple[Gate, ...] = Field(
        min_length=1,
        max_length=MAX_GATES_OF_A_SCENARIO,
        description="Checks on the slice's metrics, by the metrics' names without the slash and what follows.",
    )
