"""Gates by table: the keys are sentences."""

import math
from typing import Any

import pytest

from millwright.api.gates import VersionReference
from millwright.api.training_run import TrainingRunSpec
from millwright.core.gates import Verdict, judge, references
from millwright.core.training_state import Missing, Reference

METRICS = {"roc_auc": 0.70, "loss": 0.3, "broken": math.nan, "roc_auc/night": 0.55, "roc_auc/JFK": 0.65}
THRESHOLDS = {
    "at the threshold, >= passes": ("roc_auc", ">=", 0.70, True, "Passed"),
    "at the threshold, > fails": ("roc_auc", ">", 0.70, False, "ThresholdMissed"),
    "below a maximum, < passes": ("loss", "<", 0.5, True, "Passed"),
    "above a maximum, <= fails": ("loss", "<=", 0.2, False, "ThresholdMissed"),
    "a metric that was never logged fails": ("f1", ">=", 0.0, False, "MetricMissing"),
    "NaN fails every comparison": ("broken", "<=", 1e9, False, "MetricIsNaN"),
}
CHAMPION = VersionReference(alias="champion")
SEVEN = Reference("7", {"roc_auc": 0.80, "loss": 0.2, "broken": 0.5, "best": math.inf, "odd": math.nan})
RELATIVE: dict[str, tuple[dict[str, Any], Reference | Missing, bool, str]] = {
    "worse by exactly the tolerance passes": ({"tolerance": 0.1}, SEVEN, True, "Passed"),
    "worse by more fails": ({"tolerance": 0.09}, SEVEN, False, "ThresholdMissed"),
    "without a tolerance no worse will do": ({}, SEVEN, False, "ThresholdMissed"),
    "a loss may be higher by the tolerance": (
        {"metric": "loss", "operator": "<=", "tolerance": 0.1},
        SEVEN,
        True,
        "Passed",
    ),
    "a loss may not be higher by more": ({"metric": "loss", "operator": "<=", "tolerance": 0.05}, SEVEN, False, ""),
    "better passes": ({}, Reference("7", {"roc_auc": 0.6}), True, "Passed"),
    "as good as is not better than": ({"operator": ">"}, Reference("7", {"roc_auc": 0.7}), False, "ThresholdMissed"),
    "NaN here fails": ({"metric": "broken"}, SEVEN, False, "MetricIsNaN"),
    "NaN there fails": ({}, Reference("7", {"roc_auc": math.nan}), False, "MetricIsNaN"),
    "missing here fails": ({"metric": "best"}, SEVEN, False, "MetricMissing"),
    "missing there fails": ({}, Reference("7", {}), False, "MetricMissing"),
    "nothing there yet passes": ({}, Missing("AliasNotSet", "no version yet"), True, "AliasNotSet"),
    "nothing there yet, and nothing here, fails": (
        {"metric": "f1"},
        Missing("AliasNotSet", "no version yet"),
        False,
        "MetricMissing",
    ),
    "nothing that could ever be there fails": ({}, Missing("VersionNotFound", "no such", True), False, ""),
}


def spec(**fields: Any) -> TrainingRunSpec:
    needed = {"pipeline": {"configMapRef": {"name": "p"}}, "output": {"model": "m"}}
    return TrainingRunSpec.model_validate(needed | fields)


def relative(**fields: Any) -> dict[str, Any]:
    return {"metric": "roc_auc", "operator": ">=", "relativeTo": {"alias": "champion"}} | fields


def only(gate: dict[str, Any], found: Reference | Missing = SEVEN) -> Verdict:
    (verdict,) = judge(spec(gates=[gate]), METRICS, {CHAMPION: found})
    return verdict


@pytest.mark.parametrize(("metric", "operator", "threshold", "passed", "reason"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_a_gate_says(metric: str, operator: str, threshold: float, passed: bool, reason: str) -> None:
    verdict = only({"metric": metric, "operator": operator, "threshold": threshold})
    assert (verdict.passed, verdict.reason) == (passed, reason)
    assert metric in verdict.message


@pytest.mark.parametrize(("fields", "found", "passed", "reason"), RELATIVE.values(), ids=RELATIVE)
def test_beside_another_version(fields: dict[str, Any], found: Reference | Missing, passed: bool, reason: str) -> None:
    verdict = only(relative(**fields), found)
    assert verdict.passed is passed
    assert reason in ("", verdict.reason)


def test_a_relative_gate_says_both_values_and_the_version() -> None:
    assert only(relative(tolerance=0.01)).message == (
        "roc_auc >= champion - 0.01 does not hold: roc_auc is 0.7, of version 7 0.8"
    )


def test_a_scenario_judges_its_own_slice() -> None:
    gate = {"metric": "roc_auc", "operator": ">=", "threshold": 0.6}
    scenarios = [{"name": name, "gates": [gate]} for name in ("night", "JFK", "winter")]
    found = judge(spec(gates=[gate], scenarios=scenarios), METRICS, {})
    assert [(v.scenario, v.passed, v.reason) for v in found] == [
        (None, True, "Passed"),
        ("night", False, "ThresholdMissed"),
        ("JFK", True, "Passed"),
        ("winter", False, "MetricMissing"),
    ]
    assert found[1].message == "roc_auc/night >= 0.6 does not hold: roc_auc/night is 0.55"


def test_what_gates_compare_with_is_known_before_they_are_judged() -> None:
    seven = VersionReference(version="7")
    scenarios = [{"name": "night", "gates": [relative(), relative(relativeTo={"version": "7"})]}]
    assert references(spec(gates=[relative()], scenarios=scenarios)) == {CHAMPION, seven}
    assert references(spec(gates=[{"metric": "a", "operator": ">", "threshold": 0}])) == set()
