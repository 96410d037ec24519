"""Which versions a Model lets go, by table: the keys are sentences."""

from dataclasses import replace
from typing import Any

import pytest

from millwright.api.model import ModelSpec, ModelStatus
from millwright.api.training_run import TrainingRunStatus
from millwright.core import retention
from millwright.core.actions import DeleteVersion
from millwright.core.deployed import Served, Server
from millwright.core.execution import ObjectKey
from millwright.core.model_state import ModelObserved
from millwright.core.registry import RegisteredModel, RegisteredVersion

KEY = ObjectKey("flights", "arr-delay")
NAME = "flights.arr-delay"
PACKAGES = "s3://models/flights/arr-delay"
KEEP_TWO = {"retention": {"keepVersions": 2}}


def version(number: str, passed: bool = True, **tags: str) -> RegisteredVersion:
    gates = {"millwright.gates": "Passed", "millwright.digest": f"sha256:{number}"} if passed else {}
    return RegisteredVersion(number, tags=gates | {f"millwright.{name}": value for name, value in tags.items()})


ALL = tuple(version(number) for number in ("9", "11", "8", "10", "3"))


def observed(spec: dict[str, Any], **seen: Any) -> ModelObserved:
    there = RegisteredModel(NAME, "http://mlflow", aliases=seen.pop("aliases", {}))
    parsed = ModelSpec.model_validate(spec)
    subject = ModelObserved(KEY, 1, parsed, ModelStatus(), registered=there, versions=ALL, packages=PACKAGES)
    return replace(subject, **seen)


def server(model: str = KEY.name, pinned: str | None = None, **served: str) -> tuple[Server, ...]:
    shown = tuple(Served(role, number, f"sha256:{number}") for role, number in served.items())
    return (Server("a", model, pinned, shown),)


# spec, what else is seen → versions that go, oldest first
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "without retention none goes": ({}, {}, []),
    "the oldest go, by number": (KEEP_TWO, {}, ["3", "8", "9"]),
    "where there are no more none goes": ({"retention": {"keepVersions": 5}}, {}, []),
    "one with an alias of the spec stays": (KEEP_TWO, {"aliases": {"champion": "3"}}, ["8", "9"]),
    "one with an alias that people gave it stays": (KEEP_TWO, {"aliases": {"theirs": "8"}}, ["3", "9"]),
    "one that takes the traffic stays": (KEEP_TWO, {"servers": server(stable="9")}, ["3", "8"]),
    "one on its way to serve stays": (KEEP_TWO, {"servers": server(stable="11", candidate="8")}, ["3", "9"]),
    "one that a Deployment still serves after its move to another Model stays": (
        KEEP_TWO,
        {"servers": server("other", stable="9")},
        ["3", "8"],
    ),
    "one that a Deployment names stays": (KEEP_TWO, {"servers": server(pinned="3")}, ["8", "9"]),
    "what a Deployment of another Model names is another version": (
        KEEP_TWO,
        {"servers": server("other", pinned="3")},
        ["3", "8", "9"],
    ),
    "one that people approved stays": (
        KEEP_TWO | {"approval": {"policy": "Manual", "approvedVersions": ["8"]}},
        {},
        ["3", "9"],
    ),
    "one whose TrainingRun does not know of it yet stays": (KEEP_TWO, {"unreported": frozenset({"9"})}, ["3", "8"]),
    "those that people made neither count nor go": (
        KEEP_TWO,
        {"versions": (*ALL, version("1", passed=False), version("12", passed=False))},
        ["3", "8", "9"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_versions_go(case: str) -> None:
    spec, seen, expected = CASES[case]
    assert [v.number for v in retention.expired(observed(spec, **seen))] == expected


@pytest.mark.parametrize(
    ("package", "goes"),
    [
        (f"{PACKAGES}/arr-delay-0123456789", True),
        (f"{PACKAGES}", False),
        (f"{PACKAGES}/", False),
        (f"{PACKAGES}/..", False),
        (f"{PACKAGES}/k-1/model.onnx", False),
        (f"{PACKAGES}-2/k-1", False),
        (f"{PACKAGES}/k-1' OR name='x", False),
        ("s3://models/flights/other/k-1", False),
        ("s3://models/hotels/arr-delay/k-1", False),
        ("", False),
    ],
)
def test_only_a_package_among_those_of_the_model_goes_with_its_version(package: str, goes: bool) -> None:
    (found,) = retention.deletions(observed(KEEP_TWO), (version("3", package=package),))
    assert found == DeleteVersion(NAME, "3", package if goes else None)


@pytest.mark.parametrize(
    ("maker", "reported"),
    [
        pytest.param(None, True, id="the TrainingRun is gone"),
        pytest.param({}, True, id="it was made anew"),
        pytest.param({"execution": "k-1"}, False, id="it has not looked since"),
        pytest.param({"execution": "k-1", "modelVersion": "3"}, True, id="it says so"),
        pytest.param({"execution": "k-2"}, True, id="it is at another execution"),
    ],
)
def test_a_version_is_reported_when_its_training_run_would_not_make_it_again(maker: Any, reported: bool) -> None:
    status = None if maker is None else TrainingRunStatus.model_validate(maker)
    assert retention.is_reported(version("3", execution="k-1"), status) is reported
