"""What a model version tells of the run that made it."""

import json
import math

import pytest

from millwright.api.training_run import MAX_METRICS, TrainingRunSpec
from millwright.core.execution import TrackedRun
from millwright.core.lineage import result_tags
from millwright.core.records import MOST_TAG_CHARACTERS
from millwright.core.registry import RegisteredVersion

GATES = [{"metric": name, "operator": ">=", "threshold": 0} for name in ("recall", "auc", "missing")]
SPEC = TrainingRunSpec.model_validate({"pipeline": {"name": "p"}, "output": {"model": "m"}, "gates": GATES})


def told(metrics: dict[str, float]) -> dict[str, float]:
    """As a version gives them back; the order counts."""
    return RegisteredVersion("1", tags=result_tags(SPEC, TrackedRun("run-1", "http://mlflow", metrics=metrics))).metrics


def test_metrics_that_gates_judged_come_first_and_then_all_others_by_name() -> None:
    assert list(told({"loss": 0.3, "auc": 0.9, "f1": 0.5, "recall": 1})) == ["recall", "auc", "f1", "loss"]


def test_what_is_no_number_or_of_the_machine_is_left_out() -> None:
    assert told({"auc": math.nan, "loss": math.inf, "system/cpu": 1.0, "f1": 0.5}) == {"f1": 0.5}


def test_of_very_many_metrics_those_of_gates_are_kept_and_the_tag_stays_short() -> None:
    many = {f"{'m' * 200}{index:03}": index / 7 for index in range(1000)} | {"auc": 0.9}
    (text,) = result_tags(SPEC, TrackedRun("run-1", "http://mlflow", metrics=many)).values()
    assert len(text) <= MOST_TAG_CHARACTERS
    assert next(iter(told(many))) == "auc" and 1 < len(told(many)) < MAX_METRICS


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '{"auc": "high"}', '{"auc": 1e400}', "[" * 90000, '{"a": {}}'])
def test_a_tag_that_somebody_else_wrote_measures_nothing(text: str) -> None:
    assert RegisteredVersion("1", tags={"millwright.metrics": text}).metrics == {}


def test_a_number_too_large_for_a_float_measures_nothing() -> None:
    assert RegisteredVersion("1", tags={"millwright.metrics": json.dumps({"auc": 10**400})}).metrics == {}
