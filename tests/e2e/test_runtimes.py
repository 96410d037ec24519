"""A model that the platform's own server cannot load, on the installed local cluster: imported as MLflow has it, and
served by MLflow and by a server that is not ours. Its code is a module in its folder.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from demo.kube import kubectl
from tests.e2e.conftest import eventually
from tests.e2e.test_import import API, Importers

NAME = "doubling"
CODE = """
class Doubling:
    def predict(self, table, params=None):
        return table["distance"].to_numpy() * 2


def _load_pyfunc(path):
    return Doubling()
"""
MLMODEL = """
flavors:
  python_function: {loader_module: doubling, code: code}
signature:
  inputs: '[{"type": "double", "name": "distance", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
"""
SAMPLE = {
    "dataframe_split": {"columns": ["distance"], "data": [[1.0], [2.5]]},
    "predictions": {"prediction": [2.0, 5.0]},
}
# Speaks as much of V2 as the probes ask, and tells what it was given.
SERVER = """
import http.server, json, os, sys

class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = {"name": sys.argv[1], "files": os.listdir("/mnt/models"), "env": list(os.environ)}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

http.server.ThreadingHTTPServer(("", 9000), Server).serve_forever()
"""
CUSTOM = {
    "image": "millwright.local/serving:dev",
    "command": ["python", "-c", SERVER],
    "args": ["$(MODEL_NAME)"],
    "port": 9000,
}


@pytest.fixture(scope="module")
def team() -> Iterator[Importers]:
    """With the model's folder in S3, a Model that may not load it, and a Deployment of it."""
    made = Importers(f"e2e-runtimes-{int(time.time())}")
    made.put("model/MLmodel", MLMODEL.encode())
    made.put("model/code/doubling.py", CODE.encode())
    made.put("sample.json", json.dumps(SAMPLE).encode())
    model(made, allowed=False)
    deploy(made)
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


def model(team: Importers, allowed: bool) -> None:
    wanted = {"uri": team.uri("model/"), "format": "mlflow", "sample": {"uri": team.uri("sample.json")}}
    spec = {"import": wanted, "allowPickle": allowed}
    team.apply({"apiVersion": API, "kind": "Model", "metadata": {"name": NAME}, "spec": spec})


def deploy(team: Importers, **spec: Any) -> None:
    spec = {"model": {"name": NAME}} | spec
    team.apply({"apiVersion": API, "kind": "Deployment", "metadata": {"name": NAME}, "spec": spec})


def ask(team: Importers, path: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(f"http://{team.host(NAME)}{path}", data, timeout=10) as response:
        return json.load(response)


def is_served_by(team: Importers, container: str) -> bool:
    """Whether all is done, and the pods that there are have this container."""
    selector = team.status("mdep", NAME).get("selector") or "none=none"
    found = json.loads(kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "json"))["items"]
    names = {c["name"] for pod in found for c in pod["spec"]["containers"]}
    return team.serves("1", NAME) and names == {container}


def test_it_is_served_once_the_model_allows_its_code_and_the_deployment_names_a_runtime(team: Importers) -> None:
    eventually("its code is refused", lambda: team.told(NAME) == ("False", "UnsafeFormat"))
    model(team, allowed=True)
    stalled = partial(team.condition, "mdep", "Stalled", NAME)
    eventually("a runtime is asked for", lambda: stalled().get("reason") == "RuntimeNeeded")
    assert team.status("mmodel", NAME)["versions"][0]["format"] == "mlflow"

    deploy(team, runtime={"type": "MLflow"})

    eventually("MLflow serves it", partial(is_served_by, team, "server"))
    rows = {"name": "distance", "shape": [2], "datatype": "FP64", "data": [10.0, 0.5]}
    (output,) = ask(team, f"/v2/models/{NAME}/infer", {"inputs": [rows]})["outputs"]
    assert (output["name"], output["data"]) == ("prediction", [20.0, 1.0])
    split = {"dataframe_split": {"columns": ["distance"], "data": [[4.0]]}}
    assert ask(team, "/invocations", split) == {"predictions": [8.0]}


def test_a_server_that_is_not_ours_has_the_package_and_no_credentials(team: Importers) -> None:
    model(team, allowed=True)
    deploy(team, runtime=CUSTOM)
    eventually("it is served", partial(is_served_by, team, "runtime"), seconds=300)
    told = ask(team, f"/v2/models/{NAME}")
    assert told["name"] == NAME
    assert {"MLmodel", "code", "manifest.json", "sample.json"} <= set(told["files"])
    assert [name for name in told["env"] if name.startswith("AWS_")] == []
    assert {"MODEL_NAME", "MILLWRIGHT_MODEL_VERSION"} <= set(told["env"])
