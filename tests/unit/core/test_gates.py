"""Gates by table: the keys are sentences."""

import math

import pytest

from millwright.api.training_run import Gate
from millwright.core.gates import judge

METRICS = {"roc_auc": 0.70, "loss": 0.3, "broken": math.nan}
CASES = {
    "at the threshold, >= passes": ("roc_auc", ">=", 0.70, True, "Passed"),
    "at the threshold, > fails": ("roc_auc", ">", 0.70, False, "ThresholdMissed"),
    "below a maximum, < passes": ("loss", "<", 0.5, True, "Passed"),
    "above a maximum, <= fails": ("loss", "<=", 0.2, False, "ThresholdMissed"),
    "a metric that was never logged fails": ("f1", ">=", 0.0, False, "MetricMissing"),
    "NaN fails every comparison": ("broken", "<=", 1e9, False, "MetricIsNaN"),
}


@pytest.mark.parametrize(("metric", "operator", "threshold", "passed", "reason"), CASES.values(), ids=CASES.keys())
def test_a_gate_says(metric: str, operator: str, threshold: float, passed: bool, reason: str) -> None:
    gate = Gate.model_validate({"metric": metric, "operator": operator, "threshold": threshold})
    (verdict,) = judge([gate], METRICS)
    assert (verdict.passed, verdict.reason) == (passed, reason)
    assert metric in verdict.message
