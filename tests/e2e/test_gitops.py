"""What a GitOps tool sees of a team that has converged: no difference, and nothing happens when it applies again."""

import json
from functools import partial
from typing import Any

import pytest
from demo.kube import get, kubectl
from tests.contract import kube
from tests.e2e.conftest import Team, eventually

KINDS = ("trainingrun", "model", "modeldeployment")
BY_KUBECTL: tuple[str, ...] = ()
BY_ARGO_CD = ("--server-side", "--field-manager=argocd")
DEADLINE = "  activeDeadlineSeconds: 900\n"


@pytest.fixture(scope="module", autouse=True)
def _converged(team: Team) -> None:
    team.apply_example()
    for kind in KINDS:
        eventually(f"the {kind} is as its spec says", partial(is_ready, team, kind))


def is_ready(team: Team, kind: str) -> bool:
    """Ready, for the present spec."""
    generation = (get(kind, "wine", team.namespace) or {})["metadata"]["generation"]
    ready = team.condition(kind, "Ready")
    return (ready.get("status"), ready.get("observedGeneration")) == ("True", generation)


def apply(team: Team, text: str, *flags: str) -> str:
    """What kubectl says. An error where another manager owns a field with another value: nothing is forced."""
    return kubectl("apply", "-n", team.namespace, *flags, "-f", "-", input=text)


def assert_no_difference(team: Team, *flags: str) -> None:
    found = kube.kubectl("diff", "-n", team.namespace, *flags, "-f", "-", stdin=team.example())
    assert (found.returncode, found.stdout) == (0, ""), found.stderr


def identity(team: Team) -> dict[str, Any]:
    """What would be another, if anything had been made, trained or rolled out anew."""
    uids = {kind: (get(kind, "wine", team.namespace) or {})["metadata"]["uid"] for kind in KINDS}
    jobs = kubectl("get", "jobs", "-n", team.namespace, "-l", "millwright.dev/training-run=wine", "-o", "name")
    run, stable = team.status("trainingrun"), team.status("modeldeployment")["stable"]
    return uids | {"jobs": jobs, "execution": run["execution"], "version": run["modelVersion"], "stable": stable}


def test_a_converged_team_shows_no_difference(team: Team) -> None:
    assert_no_difference(team, *BY_KUBECTL)
    assert_no_difference(team, *BY_ARGO_CD)


def test_applying_again_by_any_tool_starts_nothing(team: Team) -> None:
    before = identity(team)
    said = apply(team, team.example(), *BY_KUBECTL).splitlines()
    assert [line for line in said if not line.endswith(" unchanged")] == []
    apply(team, team.example(), *BY_ARGO_CD)
    apply(team, team.example().replace(DEADLINE, f"{DEADLINE}  message: reviewed\n"), *BY_ARGO_CD)
    eventually("the operator has seen the comment", partial(is_ready, team, "trainingrun"))
    apply(team, team.example(), *BY_ARGO_CD)
    eventually("the operator has seen that it is gone", partial(is_ready, team, "trainingrun"))
    assert identity(team) == before
    assert_no_difference(team, *BY_KUBECTL)


@pytest.mark.parametrize("kind", KINDS)
def test_the_spec_is_the_users_alone(team: Team, kind: str) -> None:
    text = kubectl("get", kind, "wine", "-n", team.namespace, "-o", "json", "--show-managed-fields")
    entries = json.loads(text)["metadata"]["managedFields"]
    assert writers(entries, "f:status") == {"millwright"}
    assert "millwright" not in writers(entries, "f:spec")
    ours = [entry["fieldsV1"].get("f:metadata", {}) for entry in entries if entry["manager"] == "millwright"]
    assert {field for fields in ours for field in fields} <= {"f:finalizers", "f:labels"}


def writers(entries: list[dict[str, Any]], field: str) -> set[str]:
    return {entry["manager"] for entry in entries if field in entry["fieldsV1"]}
