"""What the tests know of the installed Kubeflow Pipelines server, asked as the operator asks it."""

import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from demo.kube import RELEASE_NAMESPACE, kubectl, service_address
from tests.cluster.kubeflow import profile
from tests.cluster.settings import Checkout
from tests.e2e.conftest import Team, eventually

# Whose pipelines run on Kubeflow: demo/kubeflow.yaml says so.
NAMESPACE, REPLAY_NAMESPACE = "e2e-kubeflow", "e2e-kubeflow-replay"
SHAPES, ENDING = ((Path(__file__).parent / "pipelines" / f"{name}.yaml").read_text() for name in ("shapes", "ending"))
Json = dict[str, Any]


class KubeflowTeam(Team):
    """A team whose pipelines run on Kubeflow."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        profile.apply(Checkout(), namespace)
        self.apply(_object("Model", "shapes", {}))

    def run(self, name: str, pipeline: str = ENDING, **spec: Any) -> None:
        """A TrainingRun of a pipeline, which is its text."""
        wanted = {"pipeline": {"configMapRef": {"name": name}}, "output": {"model": "shapes"}} | spec
        self.apply(_config_map(name, pipeline), _object("TrainingRun", name, wanted))

    def succeeds(self, name: str, seconds: float = 400) -> Json:
        """The status, once the run has succeeded."""
        self._ends(name, "Ready", seconds)
        return self.status("trainingrun", name)

    def fails(self, name: str, seconds: float = 400) -> Json:
        """The failure, once the run will not get further."""
        self._ends(name, "Stalled", seconds)
        return dict(self.status("trainingrun", name)["failure"])

    def _ends(self, name: str, condition: str, seconds: float) -> None:
        what = f"{name} is {condition}"
        eventually(what, lambda: self.condition("trainingrun", condition, name).get("status") == "True", seconds)

    def task(self, name: str, task: str) -> Json:
        """A task of the run's status; empty where there is none."""
        tasks = self.status("trainingrun", name).get("tasks", [])
        return dict(next((t for t in tasks if t["name"] == task), {}))

    def outcomes(self, name: str) -> list[str]:
        """Of its attempts, newest first, but for those whose Workflow the server took away as they began."""
        history = self.status("trainingrun", name).get("history", [])
        return [entry["outcome"] for entry in history if entry["outcome"] != "WorkflowDropped"]

    def has_begun(self, name: str, task: str = "finish") -> None:
        """Returns when a task runs."""
        eventually(f"{task} of {name} runs", lambda: self.task(name, task).get("state") == "Running", 240)

    def set(self, name: str, **spec: Any) -> None:
        """Changes a TrainingRun's spec."""
        patch = json.dumps({"spec": spec})
        kubectl("patch", "trainingrun", name, "-n", self.namespace, "--type=merge", "-p", patch)

    def labelled(self, kind: str, selector: str) -> list[Json]:
        """Objects of the namespace by label."""
        found = json.loads(kubectl("get", kind, "-n", self.namespace, "-l", selector, "-o", "json"))
        return list(found["items"])


def runs(name: str) -> list[Json]:
    """The TrainingRun's runs that the server knows, archived ones too, oldest first."""
    filters = {"predicates": [{"key": "name", "operation": "IS_SUBSTRING", "string_value": f"{name}-"}]}
    query = {"namespace": NAMESPACE, "filter": json.dumps(filters), "sort_by": "created_at asc"}
    return list(ask(f"runs?{urllib.parse.urlencode(query)}").get("runs", []))


def ask(path: str, method: str = "GET") -> Json:
    """The server's answer to the operator's own service account."""
    account = ("-n", RELEASE_NAMESPACE, "millwright-operator", "--audience=pipelines.kubeflow.org")
    token = kubectl("create", "token", *account).strip()
    url = f"http://{service_address('ml-pipeline', 'kubeflow')}:8888/apis/v2beta1/{path}"
    request = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return dict(json.load(response))


def _config_map(name: str, text: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"pipeline.yaml": text}}


def _object(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
