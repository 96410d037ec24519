"""The campaign's own judgement: which call meets which fault, and what its verdicts find."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.campaign import calls, stories, verdict
from tests.campaign.calls import Call, Role
from tests.campaign.faults import LADDERS, ONLY_KUBERNETES, STRIDES, Plan
from tests.campaign.kubelet import Life
from tests.campaign.ledger import Entry
from tests.campaign.verdict import Found

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def kubernetes(method: str, path: str, query: dict[str, str] | None = None, body: bytes = b"") -> Call:
    return calls.kubernetes(method, path, query or {}, body)


@pytest.mark.parametrize("role", Role)
def test_each_kind_of_call_meets_each_fault_whatever_else_is_called(role: Role) -> None:
    call = Call("kubernetes", "PATCH jobs", role)
    numbers = range(STRIDES[role] * len(LADDERS[role]))
    met = [Plan("1/0").fault(call, number) for number in numbers]
    assert {fault.what for fault in met if fault} >= set(LADDERS[role])
    assert met == [Plan("1/0").fault(call, number) for number in numbers]
    assert met != [Plan("2/0").fault(call, number) for number in numbers]


def test_mlflow_meets_no_fault_that_only_kubernetes_has() -> None:
    call = Call("mlflow", "POST runs/create", Role.WRITE)
    met = [Plan("1/0").fault(call, number) for number in range(200)]
    assert not {fault.what for fault in met if fault} & ONLY_KUBERNETES


JOBS = "/apis/batch/v1/namespaces/flights/jobs"
JOB = b'{"metadata": {"name": "run-0123456789", "labels": {"millwright.dev/step": "pipeline"}}}'


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (kubernetes("GET", JOBS, {"watch": "true"}), ("WATCH jobs", Role.WATCH, "flights")),
        (kubernetes("GET", JOBS), ("LIST jobs", Role.LIST, "flights")),
        (kubernetes("GET", f"{JOBS}/a"), ("GET jobs", Role.READ, "flights/a")),
        (kubernetes("POST", JOBS, body=JOB), ("POST jobs pipeline", Role.WRITE, "flights/run-0123456789")),
        (kubernetes("PATCH", f"{JOBS}/a/status"), ("PATCH jobs/status", Role.WRITE, "flights/a")),
        (calls.mlflow("POST", f"{calls.MLFLOW_API}runs/search", {}, b"{}"), ("POST runs/search", Role.READ, "")),
        (
            calls.mlflow("POST", f"{calls.MLFLOW_API}runs/update", {}, b'{"run_id": "r-1"}'),
            ("POST runs/update", Role.WRITE, "r-1"),
        ),
    ],
)
def test_calls_are_known_by_what_they_do(call: Call, expected: tuple[str, Role, str]) -> None:
    assert (call.kind, call.role, call.about) == expected


def run(key: str, status: str = "FINISHED") -> dict[str, Any]:
    tags = [{"key": verdict.EXECUTION_TAG, "value": key}]
    return {"info": {"run_id": f"id-{key}", "status": status}, "data": {"tags": tags}}


def test_a_second_run_of_an_execution_and_one_left_open_are_found() -> None:
    found = Found("flights", {}, runs=[run("a-1"), run("a-1"), run("b-1", "RUNNING"), run("c-1")])
    assert verdict.executions(found) == ["a-1 has 2 MLflow runs", "the MLflow run of b-1 is open"]


def test_an_execution_that_was_launched_twice_is_found_unless_it_may_have_been_stopped() -> None:
    told = stories.tell("1", 10, 10.0)
    names = [next(s.name for s in told if s.kind == kind) for kind in ("plain", "suspended")]
    launch = [Call("kubernetes", "POST jobs pipeline", Role.WRITE, f"flights/{name}-0123456789") for name in names]
    entries = [Entry(0.0, call, 201) for call in (*launch, *launch)]
    assert verdict.launches(entries, told) == [f"{names[0]}-0123456789 was launched 2 times"]


def test_pipelines_of_one_training_run_that_overlap_are_found() -> None:
    lives = [
        Life(f"pod-{key}", uid, key, "pipeline", NOW, NOW + timedelta(seconds=9)) for uid, key in ("ax", "ay", "bz")
    ]
    assert verdict.overlaps(lives) == ["y began before x ended"]


def test_what_has_lost_its_owner_is_found() -> None:
    owned = {"metadata": {"name": "job", "uid": "2", "ownerReferences": [{"uid": "1"}]}}
    owner = {"metadata": {"name": "run", "uid": "1"}}
    assert verdict.orphans(Found("flights", {"jobs": {"job": owned}})) == ["jobs job is an orphan"]
    assert verdict.orphans(Found("flights", {"jobs": {"job": owned}, "trainingruns": {"run": owner}})) == []
