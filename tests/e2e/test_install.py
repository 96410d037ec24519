"""The install itself: kept to its namespaces, and taken away and brought back without a trace in what it made.

Everybody on the cluster is without an operator for some seconds. What is there afterwards is the default install.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from demo import install
from demo.kube import RELEASE_NAMESPACE, ROOT, get, helm, kubectl
from tests.contract.kube import kubectl as kubectl_to_its_end
from tests.e2e.conftest import Mlflow, Team, eventually, invocation

pytestmark = pytest.mark.alone

NOBODY_HAS_LOOKED = -1  # filled in by the API server
CRDS = ("trainingruns.millwright.dev", "models.millwright.dev", "modeldeployments.millwright.dev")
ACCOUNT = f"system:serviceaccount:{RELEASE_NAMESPACE}:millwright-operator"


@pytest.fixture(scope="module", autouse=True)
def _the_default_install_afterwards() -> Iterator[None]:
    yield
    install.install()


@pytest.fixture(scope="module")
def watched() -> Iterator[Team]:
    """A team in the one namespace that the operator is told to watch."""
    yield from one_team("watched")


@pytest.fixture(scope="module")
def unwatched() -> Iterator[Team]:
    """A team in another."""
    yield from one_team("unwatched")


def one_team(name: str) -> Iterator[Team]:
    team = Team(f"e2e-{name}-{int(time.time())}")
    yield team
    kubectl("delete", "namespace", team.namespace, "--wait=false")


@pytest.fixture(scope="module")
def namespaced(watched: Team, unwatched: Team) -> None:
    """The install, upgraded to watch one namespace; both teams apply their files."""
    values = ("--reuse-values", "--set", f"namespaces={{{watched.namespace}}}")
    helm("upgrade", "millwright", str(ROOT / "charts" / "millwright"), "-n", RELEASE_NAMESPACE, *values)
    kubectl("rollout", "status", "deployment/millwright-operator", "-n", RELEASE_NAMESPACE, "--timeout=300s")
    for team in (unwatched, watched):
        team.apply_example()


def may(verb: str, resource: str, *where: str) -> str:
    """The API server's yes or no for the operator's account."""
    return kubectl_to_its_end("auth", "can-i", verb, resource, *where, f"--as={ACCOUNT}").stdout.strip()


@pytest.mark.usefixtures("namespaced")
def test_in_the_watched_namespace_files_become_a_served_model(watched: Team) -> None:
    eventually("version 1 is served", lambda: watched.serves("1"))


@pytest.mark.usefixtures("namespaced")
def test_in_another_namespace_nothing_is_touched(watched: Team, unwatched: Team) -> None:
    eventually("the watched one is served, so the other would have been seen", lambda: watched.serves("1"))
    for kind in ("trainingrun", "model", "modeldeployment"):
        body = get(kind, "wine", unwatched.namespace)
        assert body is not None
        assert body["status"]["observedGeneration"] == NOBODY_HAS_LOOKED and "conditions" not in body["status"]
        assert "finalizers" not in body["metadata"]
    assert kubectl("get", "jobs,pods,services,deployments.apps", "-n", unwatched.namespace, "-o", "name") == ""


@pytest.mark.usefixtures("namespaced")
def test_the_operator_s_account_may_nothing_outside_of_the_watched_namespace(watched: Team, unwatched: Team) -> None:
    asked = [("list", "pods"), ("create", "jobs"), ("patch", "trainingruns"), ("get", "configmaps")]
    assert [may(verb, kind, "-n", watched.namespace) for verb, kind in asked] == ["yes"] * 4
    assert [may(verb, kind, "-n", unwatched.namespace) for verb, kind in asked] == ["no"] * 4
    assert [may(verb, kind, "-A") for verb, kind in asked] == ["no"] * 4
    assert may("get", "secrets", "-n", watched.namespace) == "no"


def made_by(team: Team, mlflow: Mlflow) -> dict[str, Any]:
    """What must not be made twice: Jobs, MLflow runs and model versions, by name."""
    experiment = mlflow(f"experiments/get-by-name?experiment_name={team.namespace}/wine")["experiment"]
    runs = mlflow("runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]
    name = f"filter=name%3D%27{team.namespace}.wine%27"
    return {
        "execution": team.status("trainingrun")["execution"],
        "jobs": sorted(kubectl("get", "jobs", "-n", team.namespace, "-o", "name").split()),
        "runs": sorted(run["info"]["run_id"] for run in runs),
        "versions": [v["version"] for v in mlflow(f"model-versions/search?{name}")["model_versions"]],
        "pods": sorted(kubectl("get", "pods", "-n", team.namespace, "-o", "name").split()),
    }


@pytest.mark.usefixtures("namespaced")
def test_uninstalled_and_installed_again_it_finds_everything_as_it_left_it(watched: Team, mlflow: Mlflow) -> None:
    eventually("version 1 is served", lambda: watched.serves("1"))
    before = made_by(watched, mlflow)
    question = invocation(watched)

    helm("uninstall", "millwright", "-n", RELEASE_NAMESPACE, "--wait")
    stays_without_the_operator(watched, question)

    install.install()
    noticed(watched)
    assert made_by(watched, mlflow) == before
    assert before["versions"] == ["1"] and len(before["runs"]) == 1
    assert watched.serves("1")


def stays_without_the_operator(team: Team, question: str) -> None:
    """CRDs, what users applied, the volumes with the keys to them, and what serves."""
    left = kubectl("get", "deployments.apps,services", "-n", RELEASE_NAMESPACE, "-o", "name")
    assert "millwright" not in left
    kubectl("get", "crd", *CRDS)
    assert team.status("trainingrun")["modelVersion"] == "1"
    kubectl("get", "pvc", "millwright-mlflow", "millwright-storage", "-n", RELEASE_NAMESPACE)
    kubectl("get", "secret", "millwright-storage", "-n", RELEASE_NAMESPACE)
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{team.host()}/invocations", question.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response) == {"predictions": [0]}


def noticed(team: Team) -> None:
    """The operator has looked at everything of the team again: a comment is a new generation, and no new execution."""
    comment = {
        "trainingrun": {"message": "after another install"},
        "model": {"description": "after another install"},
        "modeldeployment": {"progressDeadlineSeconds": 601},
    }
    for kind, spec in comment.items():
        kubectl("patch", kind, "wine", "-n", team.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
    for kind in comment:
        eventually(f"the {kind} is Ready for its new generation", partial(settled, team, kind))


def settled(team: Team, kind: str) -> bool:
    """Whether it is Ready, and says so of the spec as it stands."""
    body, ready = get(kind, "wine", team.namespace), team.condition(kind, "Ready")
    assert body is not None
    return ready.get("status") == "True" and ready.get("observedGeneration") == body["metadata"]["generation"]
