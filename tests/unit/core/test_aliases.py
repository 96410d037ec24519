"""Where aliases point to, by table: the keys are sentences."""

import json
from typing import Any

import pytest

from millwright.api.model import ModelSpec
from millwright.core import aliases
from millwright.core.registry import RegisteredVersion

PASSED = {"millwright.gates": "Passed"}
BY_AUC = {"metric": "auc", "goal": "Maximize"}
MANUAL = {"policy": "Manual", "approvedVersions": ["2", "9", "10"]}


def version(number: str, passed: bool = True, **metrics: float) -> RegisteredVersion:
    tags = PASSED if passed else {}
    return RegisteredVersion(number, f"run-{number}", tags | {"millwright.metrics": json.dumps(metrics)})


# MLflow gives them in any order; 3 to 8 were deleted.
TO_TEN = (version("9"), version("10"), version("2"), version("1"))
MEASURED = (version("1", auc=0.9), version("2", auc=0.7), version("3", auc=0.9), version("4"), version("5", auc=0.8))

# rule, spec beside it, versions → the version
CASES: dict[str, tuple[str, dict[str, Any], tuple[RegisteredVersion, ...], str | None]] = {
    "ten is newer than nine": ("LatestApproved", {}, TO_TEN, "10"),
    "the newest of those that people approved": (
        "LatestApproved",
        {"approval": MANUAL | {"approvedVersions": ["2", "9"]}},
        TO_TEN,
        "9",
    ),
    "an approved version that was deleted is none": (
        "LatestApproved",
        {"approval": MANUAL | {"approvedVersions": ["2", "5"]}},
        TO_TEN,
        "2",
    ),
    "a version that was made by hand is never approved": (
        "LatestApproved",
        {"approval": MANUAL | {"approvedVersions": ["1", "11"]}},
        (*TO_TEN, version("11", passed=False)),
        "1",
    ),
    "the newest need not be approved": ("Latest", {"approval": MANUAL}, (*TO_TEN, version("11")), "11"),
    "the newest is never one that was made by hand": ("Latest", {}, (*TO_TEN, version("11", passed=False)), "10"),
    "nothing is approved": ("LatestApproved", {"approval": {"policy": "Manual"}}, TO_TEN, None),
    "of equal versions the newest is the best": ("BestBy", {"bestBy": BY_AUC}, MEASURED, "3"),
    "the best may be the lowest": ("BestBy", {"bestBy": BY_AUC | {"goal": "Minimize"}}, MEASURED, "2"),
    "only approved versions are compared": (
        "BestBy",
        {"bestBy": BY_AUC, "approval": MANUAL | {"approvedVersions": ["2", "4", "5"]}},
        MEASURED,
        "5",
    ),
    "a version that was made by hand is never the best": (
        "BestBy",
        {"bestBy": BY_AUC},
        (*MEASURED, version("6", passed=False, auc=1.0)),
        "3",
    ),
    "no number is no reason to be the best": (
        "BestBy",
        {"bestBy": BY_AUC},
        (version("1", auc=0.1), version("2", auc=float("nan")), version("3", auc=float("inf"))),
        "1",
    ),
    "a metric that nobody logged": ("BestBy", {"bestBy": BY_AUC | {"metric": "f1"}}, MEASURED, None),
    "what people set stays": ("External", {}, TO_TEN, "1"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_alias_points_to(case: str) -> None:
    rule, spec, versions, expected = CASES[case]
    parsed = ModelSpec.model_validate({"aliases": {"champion": rule}, **spec})
    assert aliases.wanted(parsed, {"champion": "1", "other": "2"}, versions).get("champion") == expected


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("LatestApproved", "champion: no version is approved yet"),
        ("Latest", "champion: no version has passed its gates yet"),
        ("BestBy", "champion: no approved version has a value of auc"),
        ("External", "champion: nobody has set it in MLflow yet"),
    ],
)
def test_an_alias_that_points_to_nothing_is_told_with_its_reason(rule: str, words: str) -> None:
    spec = ModelSpec.model_validate({"aliases": {"champion": rule, "old": "Latest"}, "bestBy": BY_AUC})
    told = aliases.fact(spec, {"old": "1"})
    assert (told.type, told.status, told.message) == ("Aliased", "False", words)
    assert aliases.fact(spec, {"old": "1", "champion": "1"}).status == "True"
