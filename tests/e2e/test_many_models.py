"""One server for many models, from the example's files: packages of S3, loaded on demand, and a list that changes."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.kube import ROOT, kubectl
from demo.requests import RequestLoop
from tests.e2e.conftest import Team, eventually
from tests.e2e.test_deployment import stored
from tests.serving import packages

SERVER = ROOT / "examples" / "many-models" / "server.yaml"
NAME = "small-models"
ROW = [0.5, -1.0, 0.25]
BODY = json.dumps(
    {
        "inputs": [
            {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
            for name, value in zip(packages.COLUMNS, ROW, strict=True)
        ]
    }
)


class SmallModels:
    """The server, and what is listed for it."""

    def __init__(self, team: Team, folder: Path) -> None:
        self._team = team
        manifest, self.original = packages.onnx_package(folder)
        self._package = {"packageURI": stored(folder, f"{team.namespace}/{NAME}"), "digest": manifest.digest}

    def lists(self, *names: str) -> None:
        """These, all of the same package; one named `broken` with another digest."""
        other = {"digest": "sha256:" + "0" * 64}
        entries = [
            {"name": name, "version": "1"} | self._package | (other if name == "broken" else {}) for name in names
        ]
        data = {"shops.json": json.dumps(entries)}
        self._team.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": data})

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, Any]:
        """Status and answer; 0 where nothing answers yet."""
        connection = http.client.HTTPConnection(self._team.host(NAME), timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def pods(self) -> list[tuple[str, int]]:
        """Their names, and how often each was started again."""
        found = json.loads(kubectl("get", "pods", "-n", self._team.namespace, "-l", f"app={NAME}", "-o", "json"))
        return [
            (pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["restartCount"]) for pod in found["items"]
        ]

    def hurry(self) -> None:
        """The kubelet looks at a pod's volumes at once when the pod changes, and else about once a minute."""
        kubectl("annotate", "pods", "-n", self._team.namespace, "-l", f"app={NAME}", "example.org/looked=1")


@pytest.fixture
def small(team: Team, tmp_path: Path) -> Iterator[SmallModels]:
    """Listed are a shop and a broken model."""
    made = SmallModels(team, tmp_path / "package")
    made.lists("shop-1", "broken")
    team.apply(SERVER.read_text())
    eventually("the server answers", lambda: made.ask("GET", "/v2/health/ready")[0] == 200)
    yield made
    kubectl("delete", "-f", str(SERVER), "-n", team.namespace)
    kubectl("delete", "configmap", NAME, "-n", team.namespace)


def test_one_server_loads_what_is_asked_for_and_follows_its_list_without_a_new_pod(
    team: Team, small: SmallModels
) -> None:
    status, answer = small.ask("POST", "/v2/models/shop-1/infer", BODY)
    assert (status, answer["model_name"]) == (200, "shop-1")
    assert answer["outputs"][0]["data"] == pytest.approx(small.original.predict_proba([ROW])[0].tolist(), abs=1e-6)
    status, answer = small.ask("POST", "/v2/models/broken/infer", BODY)
    assert status == 503 and "it was not loaded" in answer["error"]
    before = small.pods()

    with RequestLoop(team.host(NAME), "/v2/models/shop-1/infer", BODY) as loop:
        small.lists("shop-1", "shop-2")
        small.hurry()
        eventually("shop-2 answers", lambda: small.ask("GET", "/v2/models/shop-2/ready")[0] == 200)

    assert loop.failures == [] and set(loop.answered) == {"1"}
    assert small.pods() == before and small.ask("GET", "/v2/models/broken")[0] == 404
    _, index = small.ask("POST", "/v2/repository/index")
    assert {one["name"]: one["state"] for one in index} == {"shop-1": "READY", "shop-2": "READY"}
