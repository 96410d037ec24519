"""Two replicas of the operator: whatever ends the one that leads, the other goes on, and nothing is done twice.

The cluster's nodes must be this machine: an operator is killed and stopped by signals that no API sends.
"""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from demo import install
from demo.kube import RELEASE_NAMESPACE, ROOT, get, helm, kubectl
from tests.e2e.conftest import EXAMPLE, Mlflow, Team, eventually

pytestmark = pytest.mark.alone

RUNS = tuple(f"run-{number}" for number in range(4))
COMMAND = b"-m\0millwright\0"
GAP_SECONDS = 20
ORDERLY_SECONDS = 10


@pytest.fixture(scope="module")
def load() -> Iterator[Team]:
    """Two replicas, and a team with runs that are under way while leaders come and go."""
    chart = str(ROOT / "charts" / "millwright")
    helm("upgrade", "millwright", chart, "-n", RELEASE_NAMESPACE, "--reuse-values", "--set", "operator.replicas=2")
    kubectl("rollout", "status", "deployment/millwright-operator", "-n", RELEASE_NAMESPACE, "--timeout=300s")
    team = Team(f"e2e-replicas-{int(time.time())}")
    pipeline = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "wine"}}
    team.apply(pipeline | {"data": {"pipeline.yaml": (EXAMPLE / "pipeline.yaml").read_text()}})
    spec = {"pipeline": {"configMapRef": {"name": "wine"}}, "output": {"model": "wine"}}
    probe = spec | {"output": {"model": "nobody-s"}}  # waits for a Model for ever
    team.apply(custom("Model", "wine", {}), custom("TrainingRun", "probe", probe))
    eventually("somebody leads", partial(noticed, team))
    team.apply(*(custom("TrainingRun", name, spec) for name in RUNS))
    yield team
    kubectl("delete", "namespace", team.namespace, "--wait=false")
    install.install()


def custom(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """One of our resources."""
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def noticed(team: Team) -> bool:
    """Whether the operator has looked at the probe as it is now."""
    body = get("trainingrun", "probe", team.namespace)
    assert body is not None
    return bool(team.status("trainingrun", "probe").get("observedGeneration") == body["metadata"]["generation"])


def gap(team: Team, began: float) -> float:
    """Seconds from a moment until a change that is made now has been noticed."""
    patch = {"spec": {"message": f"asked at {began}"}}
    kubectl("patch", "trainingrun", "probe", "-n", team.namespace, "--type=merge", "-p", json.dumps(patch))
    eventually("the change is noticed", partial(noticed, team), seconds=3 * GAP_SECONDS)
    return time.monotonic() - began


def leader() -> str:
    """Name of the pod that holds the Lease; empty while nobody does."""
    lease = get("lease", "millwright-operator", RELEASE_NAMESPACE) or {}
    return str(lease.get("spec", {}).get("holderIdentity") or "").partition("_")[0]


def another_leads(old: str) -> bool:
    return leader() not in ("", old)


def process(pod: str) -> int:
    """The operator of a pod, as this machine knows it."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if command.endswith(COMMAND) and f"HOSTNAME={pod}\0".encode() in environment:
            return int(folder.name)
    raise LookupError(f"the operator of pod {pod} is no process of this machine")


def metrics(pod: str) -> dict[str, float]:
    """The operator's own metrics, sums over their labels."""
    address = (get("pod", pod, RELEASE_NAMESPACE) or {})["status"]["podIP"]
    with urllib.request.urlopen(f"http://{address}:9090/metrics", timeout=10) as answer:
        samples = [
            line.rpartition(" ") for line in answer.read().decode().splitlines() if line.startswith("millwright")
        ]
    sums: dict[str, float] = {}
    for name, _, value in samples:
        sums[name.partition("{")[0]] = sums.get(name.partition("{")[0], 0.0) + float(value)
    return sums


def writes_at_rest(pod: str) -> float:
    """How often it has written, at a moment when it had nothing to write for a while."""
    seen = [-1.0]

    def rests() -> bool:
        seen.append(metrics(pod)["millwright_api_writes_total"])
        return seen[-1] == seen[-2]

    eventually("it rests", rests)
    return seen[-1]


def succeeded(team: Team, run: str) -> bool:
    return team.status("trainingrun", run).get("state") == "Succeeded"


def pods() -> list[str]:
    selector = ("-l", "app.kubernetes.io/component=operator", "-o", "jsonpath={.items[*].metadata.name}")
    return kubectl("get", "pods", "-n", RELEASE_NAMESPACE, *selector).split()


def test_one_replica_leads_and_the_other_is_ready_to(load: Team) -> None:
    eventually("there are two and no more", lambda: len(pods()) == 2)
    assert sorted(metrics(pod)["millwright_leader"] for pod in pods()) == [0.0, 1.0]
    (standby,) = set(pods()) - {leader()}
    assert metrics(standby).get("millwright_api_writes_total", 0.0) == 0.0
    assert metrics(standby)["millwright_queue_depth"] > 0


def test_an_orderly_end_hands_over_at_once(load: Team) -> None:
    old, began = leader(), time.monotonic()
    kubectl("delete", "pod", old, "-n", RELEASE_NAMESPACE, "--wait=false")
    eventually("another leads", partial(another_leads, old), seconds=ORDERLY_SECONDS)
    assert gap(load, began) <= GAP_SECONDS
    kubectl("rollout", "status", "deployment/millwright-operator", "-n", RELEASE_NAMESPACE, "--timeout=60s")


def test_a_killed_leader_is_followed_within_the_gap(load: Team) -> None:
    old, began = leader(), time.monotonic()
    os.kill(process(old), signal.SIGKILL)
    assert gap(load, began) <= GAP_SECONDS
    kubectl("rollout", "status", "deployment/millwright-operator", "-n", RELEASE_NAMESPACE, "--timeout=60s")


def test_a_leader_that_was_stopped_and_wakes_up_writes_nothing(load: Team) -> None:
    old = leader()
    stopped, before = process(old), writes_at_rest(old)
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    try:
        assert gap(load, began) <= GAP_SECONDS
        assert another_leads(old)
    finally:
        os.kill(stopped, signal.SIGCONT)
    eventually("it knows", lambda: metrics(old)["millwright_leader"] == 0.0, seconds=GAP_SECONDS)
    assert gap(load, time.monotonic()) <= GAP_SECONDS
    assert another_leads(old)
    assert metrics(old)["millwright_api_writes_total"] == before


def test_every_run_was_done_once(load: Team, mlflow: Mlflow) -> None:
    for name in RUNS:
        eventually(f"{name} succeeds", partial(succeeded, load, name), 400)
    jobs = json.loads(kubectl("get", "jobs", "-n", load.namespace, "-o", "json"))["items"]
    steps = sorted(
        (labels["millwright.dev/training-run"], labels["millwright.dev/step"]) for labels in map(labelled, jobs)
    )
    assert steps == sorted((name, step) for name in RUNS for step in ("pipeline", "package"))
    for name in RUNS:
        assert [entry["attempt"] for entry in load.status("trainingrun", name)["history"]] == [1]
        experiment = mlflow(f"experiments/get-by-name?experiment_name={load.namespace}/{name}")["experiment"]
        assert len(mlflow("runs/search", {"experiment_ids": [experiment["experiment_id"]]})["runs"]) == 1
    versions = {load.status("trainingrun", name)["modelVersion"] for name in RUNS}
    search = f"model-versions/search?filter=name%3D%27{load.namespace}.wine%27"
    assert {found["version"] for found in mlflow(search)["model_versions"]} == versions
    assert len(versions) == len(RUNS)


def labelled(job: dict[str, Any]) -> dict[str, str]:
    return dict(job["metadata"]["labels"])
