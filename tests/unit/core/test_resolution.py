"""Which version a Deployment serves, by table: the keys are sentences."""

from typing import Any

import pytest

from millwright.api.deployment import ModelReference, ServedVersion
from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import resolution
from millwright.core.execution import ObjectKey
from millwright.core.registry import RegisteredVersion
from millwright.core.serving_pod import Target
from millwright.core.training_state import Missing

KEY = ObjectKey("flights", "arr-delay")
PACKAGE = {"millwright.package": "s3://models/k-1", "millwright.digest": "sha256:1"}
PASSED = PACKAGE | {"millwright.gates": "Passed"}
VERSIONS = (
    RegisteredVersion("1", "run-1", PASSED),
    RegisteredVersion("2", "run-2", PASSED),
    RegisteredVersion("3", "run-3", PACKAGE),
    RegisteredVersion("4", "run-4", {"millwright.gates": "Passed"}),
    RegisteredVersion("5", "run-5", PASSED | {"millwright.format": "mlflow"}),
)
MANUAL = {"approval": {"policy": "Manual", "approvedVersions": ["1"]}}

# reference, Model's spec, aliases of the Model's status → the version that is served, or the reason why none is
CASES: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, str], str]] = {
    "an alias is followed": ({"alias": "prod"}, {}, {"prod": "2"}, "2"),
    "without alias and version it is the champion": ({}, {}, {"champion": "1", "prod": "2"}, "1"),
    "an alias that is not set is waited for": ({"alias": "prod"}, {}, {"champion": "1"}, "AliasNotSet"),
    "a version that is written down is served": ({"version": "1"}, {}, {}, "1"),
    "a version that is written down does not follow": ({"version": "1"}, {}, {"champion": "2"}, "1"),
    "a version that the registry has not is waited for": ({"version": "9"}, {}, {}, "VersionNotFound"),
    "an MLflow model waits for a runtime": ({}, {}, {"champion": "5"}, "RuntimeNeeded"),
    "a version without a package is not served": ({"version": "4"}, {}, {}, "VersionNotPackaged"),
    "an approved version that is written down is served": ({"version": "1"}, MANUAL, {}, "1"),
    "a version that is written down and not approved waits": ({"version": "2"}, MANUAL, {}, "NotApproved"),
    "a version that is written down and missed its gates is not served": ({"version": "3"}, {}, {}, "NotApproved"),
    "gates count for approved versions too": (
        {"version": "3"},
        {"approval": {"policy": "Manual", "approvedVersions": ["3"]}},
        {},
        "NotApproved",
    ),
    "an alias of policy Latest needs no approval": (
        {"alias": "challenger"},
        MANUAL | {"aliases": {"challenger": "Latest"}},
        {"challenger": "2"},
        "2",
    ),
    "an alias of policy External is moved by people": (
        {"alias": "prod"},
        MANUAL | {"aliases": {"prod": "External"}},
        {"prod": "2"},
        "2",
    ),
}


def resolved(reference: dict[str, str], spec: dict[str, Any], aliases: dict[str, str]) -> Target | Missing:
    """As the reconciler asks, with everything read."""
    wanted = ModelReference.model_validate({"name": KEY.name} | reference)
    number = resolution.number(wanted, ModelStatus(aliases=aliases))
    if isinstance(number, Missing):
        return number
    return resolution.target(KEY, ModelSpec.model_validate(spec), VERSIONS, number, wanted.version is not None)


@pytest.mark.parametrize(("reference", "spec", "aliases", "expected"), CASES.values(), ids=CASES.keys())
def test_the_version_is(
    reference: dict[str, str], spec: dict[str, Any], aliases: dict[str, str], expected: str
) -> None:
    found = resolved(reference, spec, aliases)
    assert (found.reason if isinstance(found, Missing) else found.version) == expected


def test_what_waits_for_approval_says_where_it_is_given() -> None:
    found = resolved({"version": "2"}, MANUAL, {})
    assert found == Missing(
        "NotApproved",
        "version 2 of Model arr-delay waits for approval: add it to the Model's spec.approval.approvedVersions",
    )


def test_gates_that_did_not_pass_are_not_waited_for() -> None:
    found = resolved({"version": "3"}, {}, {})
    assert isinstance(found, Missing) and found.final
    assert "has not passed its gates" in found.message


def on_record(**changes: Any) -> ServedVersion:
    """Version 1, as a Deployment that serves it knows it."""
    known = {"version": "1", "versionSet": "s-1", "digest": "sha256:1", "since": "2026-01-01T00:00:00Z"}
    told = {"model": KEY.name, "packageURI": "s3://models/k-1", "gatesPassed": True}
    return ServedVersion.model_validate(known | told | changes)


# what is on record, what the Model lists under the number → whether the registry can be done without
RECORDS: dict[str, tuple[ServedVersion | None, str | None, bool]] = {
    "nothing is on record": (None, None, False),
    "the version is on record": (on_record(), "sha256:1", True),
    "the Model does not list it any more": (on_record(), None, True),
    "the Model lists another package under its number": (on_record(), "sha256:2", False),
    "another version is on record": (on_record(version="2"), None, False),
    "another Model's version is on record": (on_record(model="other"), None, False),
    "it is not on record where the package is": (on_record(packageURI=""), None, False),
}


@pytest.mark.parametrize(("record", "listed", "expected"), RECORDS.values(), ids=RECORDS.keys())
def test_what_is_on_record_is_used_unless(record: ServedVersion | None, listed: str | None, expected: bool) -> None:
    versions = [{"version": "1", "digest": listed}] if listed else []
    status = ModelStatus.model_validate({"versions": versions})
    found = resolution.recorded(KEY.name, "1", (None, record), status)
    assert (found is not None) is expected


@pytest.mark.parametrize("passed", [True, False])
def test_what_is_on_record_leads_to_what_the_registry_leads_to(passed: bool) -> None:
    known = resolution.recorded(KEY.name, "1", (on_record(gatesPassed=passed),), ModelStatus())
    assert known is not None
    expected = Target("arr-delay", "1", "s3://models/k-1", "sha256:1", gates_passed=passed)
    assert resolution.target(KEY, ModelSpec(), (known,), "1", pinned=False) == expected


def test_the_target_is_the_version_s_package() -> None:
    found = resolved({"version": "1"}, {"allowPickle": True}, {})
    assert found == Target("arr-delay", "1", "s3://models/k-1", "sha256:1", allow_pickle=True)
