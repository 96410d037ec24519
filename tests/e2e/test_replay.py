"""An auditor's question on the installed local cluster: does what made this version make it again?"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from demo.kube import get, kubectl
from tests.e2e.conftest import Mlflow, Team, eventually
from tests.e2e.kubeflow import REPLAY_NAMESPACE, KubeflowTeam


@pytest.fixture(scope="module")
def auditors() -> Iterator[Team]:
    """A team with one version of the example's model."""
    made = Team(f"e2e-replay-{int(time.time())}")
    made.apply_example(regularization=0.5)
    eventually("version 1 is made", lambda: made.status("trainingrun").get("modelVersion") == "1")
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


def replay(team: Team, name: str, **of: Any) -> dict[str, Any]:
    """Applies a replay, and gives its status when it has ended."""
    spec = {"replayOf": of, "output": {"model": "wine"}}
    metadata = {"name": name}
    team.apply({"apiVersion": "millwright.dev/v1alpha1", "kind": "TrainingRun", "metadata": metadata, "spec": spec})
    ended = partial(team.condition, "trainingrun", "Succeeded", name)
    eventually(f"{name} has ended", lambda: ended().get("status") == "True", 400)
    return team.status("trainingrun", name)


def test_what_was_launched_is_kept_beside_the_run_and_told_in_mlflow(auditors: Team, mlflow: Mlflow) -> None:
    status = auditors.status("trainingrun")
    kept = (get("configmap", status["execution"], auditors.namespace) or {})["data"]
    assert sorted(kept) == ["parameters.json", "pipeline.yaml", "replay.json"]
    tags = tags_of(mlflow, status)
    assert '"regularization": 0.5' in tags["millwright.arguments"]
    assert tags["millwright.pipeline.digest"] in kept["replay.json"]
    assert tags["millwright.platform"].endswith(", embedded")


def test_an_execution_runs_again_from_its_copy_in_the_cluster(auditors: Team) -> None:
    key = auditors.status("trainingrun")["history"][0]["execution"]
    status = replay(auditors, "by-execution", execution=key)
    assert status["replay"] == {"of": f"wine/{key}", "matches": True, "differences": []}


def test_a_version_runs_again_from_s3_when_nothing_else_is_left(auditors: Team, mlflow: Mlflow) -> None:
    original = auditors.status("trainingrun")
    kubectl("delete", "trainingrun", "wine", "-n", auditors.namespace)
    eventually("the copy is gone", lambda: get("configmap", original["execution"], auditors.namespace) is None)
    status = replay(auditors, "by-version", modelVersion="1")
    assert auditors.condition("trainingrun", "Reproduced", "by-version")["status"] == "True"
    assert status["metrics"] == original["metrics"] and "modelVersion" not in status
    tags = tags_of(mlflow, status)
    assert tags["millwright.replayOf"] == f"wine/{original['execution']}"
    assert tags["millwright.pipeline.digest"] == tags_of(mlflow, original)["millwright.pipeline.digest"]


def test_replays_make_no_version(auditors: Team, mlflow: Mlflow) -> None:
    found = mlflow(f"model-versions/search?filter=name%3D%27{auditors.namespace}.wine%27")["model_versions"]
    assert [version["version"] for version in found] == ["1"]


def test_a_model_served_from_a_package_with_a_copy_beside_it_is_ready(auditors: Team) -> None:
    eventually("version 1 is served", lambda: auditors.serves("1"))


def test_on_kubeflow_a_replay_computes_every_step_anew() -> None:
    team = KubeflowTeam(REPLAY_NAMESPACE)
    team.apply_example(regularization=0.5)
    version = eventually("a version is made", lambda: team.status("trainingrun").get("modelVersion"), 400)
    original = team.status("trainingrun")
    status = replay(team, "again", modelVersion=version)
    assert status["replay"] == {"of": f"wine/{original['execution']}", "matches": True, "differences": []}
    assert status["pipelineRun"]["backend"] == "kubeflow"
    assert {task["state"] for task in status["tasks"]} == {"Succeeded"}, "none is Cached"
    kubectl("delete", "namespace", REPLAY_NAMESPACE, "--timeout=120s")


def tags_of(mlflow: Mlflow, status: dict[str, Any]) -> dict[str, str]:
    run = mlflow(f"runs/get?run_id={status['mlflowRun']['id']}")["run"]
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
