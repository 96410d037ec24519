"""The main job on the installed local cluster, with the example that the README's page leads to."""

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from demo import story
from demo.kube import ROOT, kubectl, service_address
from tests.cluster import kubeconfig_path
from tests.e2e import objects

os.environ["KUBECONFIG"] = str(kubeconfig_path())
EXAMPLE = ROOT / "examples" / "own-pipeline"
ROW = [[14.23, 1.71, 2.43, 15.6, 127.0, 2.8, 3.06, 0.28, 2.29, 5.64, 1.04, 3.92, 1065.0]]
Mlflow = Callable[..., dict[str, Any]]


def eventually(what: str, condition: Callable[[], Any], seconds: float = 180) -> Any:
    """The first true value of `condition`. Fails with the words of `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.5)  # the one place where tests wait
    raise AssertionError(f"not within {seconds} s: {what}")


class Team:
    """A namespace of its own, in which a data scientist applies files."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        story.namespace_with_storage(namespace)

    def example(self, **parameters: Any) -> str:
        """`kubectl kustomize examples/own-pipeline`, for this namespace, with changed parameters."""
        text = kubectl("kustomize", str(EXAMPLE)).replace("namespace: wine", f"namespace: {self.namespace}")
        for name, value in parameters.items():
            lines = text.splitlines()
            text = "\n".join(f"    {name}: {value}" if line.startswith(f"    {name}: ") else line for line in lines)
        return "\n---\n".join(document for document in text.split("\n---\n") if "kind: Namespace" not in document)

    def apply_example(self, **parameters: Any) -> None:
        """`kubectl apply` of the example."""
        self.apply(self.example(**parameters))

    def apply(self, *manifests: str | dict[str, Any]) -> None:
        """Applies manifests in this namespace."""
        documents = (manifest if isinstance(manifest, str) else json.dumps(manifest) for manifest in manifests)
        kubectl("apply", "-n", self.namespace, "-f", "-", input="\n---\n".join(documents))

    def pods(self, run: str) -> str:
        """Names of the pods of a TrainingRun."""
        return kubectl("get", "pods", "-n", self.namespace, "-l", f"millwright.dev/training-run={run}", "-o", "name")

    def status(self, kind: str, name: str = "wine") -> dict[str, Any]:
        """The status; empty where there is none."""
        return objects.status(kind, name, self.namespace)

    def condition(self, kind: str, condition: str, name: str = "wine") -> dict[str, Any]:
        """One condition; empty where there is none."""
        found = (c for c in self.status(kind, name).get("conditions", []) if c["type"] == condition)
        return dict(next(found, {}))

    def serves(self, version: str, name: str = "wine") -> bool:
        """Whether the Deployment is ready on that version."""
        stable = self.status("modeldeployment", name).get("stable", {}).get("version")
        return stable == version and self.condition("modeldeployment", "Ready", name).get("status") == "True"

    def host(self, name: str = "wine") -> str:
        """Address of the served model."""
        return service_address(name, self.namespace)


def invocation(team: Team) -> str:
    """One wine as MLflow's users send it, with the columns that the model says it wants."""
    with urllib.request.urlopen(f"http://{team.host()}/v2/models/wine", timeout=10) as response:
        columns = [i["name"] for i in json.load(response)["inputs"]]
    return json.dumps({"dataframe_split": {"columns": columns, "data": ROW}})


@pytest.fixture(scope="session", autouse=True)
def _the_cluster_answers() -> None:
    try:
        kubectl("get", "--raw", "/readyz")
    except Exception as error:
        pytest.exit(f"no cluster answers; run `make cluster images install` first ({error})", returncode=1)


@pytest.fixture(scope="session")
def team() -> Iterator[Team]:
    """One team for the session; its namespace goes away at the end."""
    made = Team(f"e2e-{uuid4().hex[:8]}")
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture(scope="session")
def mlflow() -> Mlflow:
    """Asks the installed MLflow's REST API 2.0: path and body (None: GET)."""

    def ask(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        address = service_address("millwright-mlflow", "millwright")  # another after another install
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Host": "localhost", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{address}/api/2.0/mlflow/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return dict(json.load(response))

    return ask
