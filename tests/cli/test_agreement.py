"""The plugin reads what the operator writes: the kinds, the fields of the status, and the labels are the same."""

import json
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from tests.cli.fakes import FLIGHTS

from millwright.adapters import jobs
from millwright.api import kinds as api
from millwright.api.common import API_VERSION
from millwright.api.training_run import TrainingRunSpec
from millwright.core import children, placement, records
from millwright_cli.core import kinds, pod_logs, replays, version_facts
from millwright_cli.core.kinds import KINDS, Kind

OBJECTS = [body for body in yaml.safe_load_all(FLIGHTS.read_text()) if body["apiVersion"] == API_VERSION]
OF_THE_API = {kind.kind: kind for kind in api.KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_kinds_are_those_of_the_api(kind: Kind) -> None:
    theirs = OF_THE_API[kind.kind]
    assert (kind.plural, kind.api_version) == (theirs.plural, API_VERSION)
    assert {theirs.plural, theirs.short_name} <= set(kind.names)


@pytest.mark.parametrize("body", OBJECTS, ids=lambda body: f"{body['kind']} {body['metadata']['name']}")
def test_what_the_tests_show_is_what_the_api_has(body: dict[str, Any]) -> None:
    kind = OF_THE_API[body["kind"]]
    kind.status.model_validate(body["status"])
    assert unknown(kind.status, body["status"]) | unknown(kind.spec, body["spec"]) == set()


def unknown(model: type[BaseModel], value: dict[str, Any], path: str = "") -> set[str]:
    """Fields that the API does not have."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    found = {f"{path}{name}" for name in value if name not in fields}
    for name in value.keys() & fields.keys():
        inner = model_in(fields[name].annotation)
        nested = value[name] if isinstance(value[name], list) else [value[name]]
        for part in nested if inner else ():
            found |= unknown(inner, part, f"{name}.") if inner else set()
    return found


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field, an optional field or a list has."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := model_in(part))), None)


def test_labels_and_files_are_those_of_the_contract() -> None:
    assert pod_logs.TASK_LABEL == placement.TASK_LABEL
    assert pod_logs.DEPLOYMENT_LABEL == children.DEPLOYMENT_LABEL
    assert pod_logs.STEP_LABEL == jobs.STEP_LABEL
    assert (version_facts.ARGUMENTS_FILE, version_facts.RECORD_FILE) == (records.ARGUMENTS, records.RECORD)
    assert kinds.API_VERSION == API_VERSION


def test_a_replay_is_a_valid_training_run() -> None:
    body = next(body for body in OBJECTS if body["kind"] == "TrainingRun")
    made = replays.of_run(replays.OfRun("arr-delay"), body)
    TrainingRunSpec.model_validate(made["spec"])
    known = {field.alias or name for name, field in TrainingRunSpec.model_fields.items()}
    assert set(replays.KEPT) <= known, json.dumps(sorted(known))
