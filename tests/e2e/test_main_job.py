"""Three YAML files in; a trained, registered and served model out. In the order in which a team lives it."""

import json
import random
import time
import urllib.request
from functools import partial

from demo.kube import get, kubectl
from demo.requests import RequestLoop
from tests.e2e.conftest import Mlflow, Team, eventually, invocation
from tests.e2e.operator import killed


def test_three_files_become_a_served_model(team: Team) -> None:
    team.apply_example()
    eventually("version 1 is served", lambda: team.serves("1"))
    body = invocation(team).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{team.host()}/invocations", body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response) == {"predictions": [0]}
        assert response.headers["x-millwright-model-version"] == "1"


def test_status_tells_steps_metrics_and_version(team: Team) -> None:
    status = team.status("trainingrun")
    assert {task["name"]: task["state"] for task in status["tasks"]} == {
        "load-wines": "Succeeded",
        "train-classifier": "Succeeded",
    }
    metrics = {metric["name"]: metric["value"] for metric in status["metrics"]}
    assert metrics["held_out_accuracy"] >= 0.9
    assert (status["state"], status["modelVersion"], status["progressPercentage"]) == ("Succeeded", "1", 100)
    columns = kubectl("get", "trun", "wine", "-n", team.namespace)
    assert "Succeeded" in columns


def test_mlflow_holds_run_metrics_version_alias_and_lineage(team: Team, mlflow: Mlflow) -> None:
    run_id = team.status("trainingrun")["mlflowRun"]["id"]
    run = mlflow(f"runs/get?run_id={run_id}")["run"]
    assert run["info"]["status"] == "FINISHED"
    name = f"{team.namespace}.wine"
    model = mlflow(f"registered-models/get?name={name}")["registered_model"]
    assert model["aliases"] == [{"alias": "champion", "version": "1"}]
    version = mlflow(f"model-versions/get?name={name}&version=1")["model_version"]
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert version["run_id"] == run_id
    assert tags["millwright.execution"] == team.status("trainingrun")["execution"]
    assert tags["millwright.digest"] == team.status("modeldeployment")["stable"]["digest"]
    assert tags["millwright.format"] == "onnx"


def test_events_tell_the_story(team: Team) -> None:
    told = kubectl("describe", "trainingrun", "wine", "-n", team.namespace)
    assert "the run passed and is version 1 of Model wine" in told


def test_a_changed_parameter_becomes_version_2_without_a_failed_request(team: Team) -> None:
    with RequestLoop(team.host(), "/invocations", invocation(team)) as loop:
        team.apply_example(regularization=0.25)
        eventually("version 2 is served", lambda: team.serves("2"))
        name = team.status("modeldeployment")["stable"]["versionSet"]
        selector = f"millwright.dev/deployment=wine,millwright.dev/version-set!={name}"
        eventually(
            "the old pods have left",
            lambda: not kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "name"),
        )
        eventually("the new version answers", lambda: sum(loop.answered.values()) > 200)
    assert loop.failures == []


def test_killing_the_operator_at_ten_random_moments_changes_nothing_in_the_end(team: Team, mlflow: Mlflow) -> None:
    team.apply_example(regularization=0.75)
    moments = random.Random(7)
    for _ in range(10):
        moment = time.monotonic() + moments.uniform(0.0, 2.0)
        eventually("the moment has come", partial(has_come, moment), seconds=5)
        killed()
    eventually("version 3 is served", lambda: team.serves("3"))
    name = f"{team.namespace}.wine"
    versions = mlflow(f"model-versions/search?filter=name%3D%27{name}%27")["model_versions"]
    assert sorted(v["version"] for v in versions) == ["1", "2", "3"]
    key = team.status("trainingrun")["execution"]
    experiment = mlflow(f"experiments/get-by-name?experiment_name={team.namespace}/wine")["experiment"]
    query = {"experiment_ids": [experiment["experiment_id"]], "filter": f"tags.`millwright.execution` = '{key}'"}
    assert len(mlflow("runs/search", query)["runs"]) == 1
    assert "finalizers" not in (get("trainingrun", "wine", team.namespace) or {})["metadata"]


def test_what_is_pruned_leaves_versions_and_serving_and_is_taken_up_again_when_it_is_back(
    team: Team, mlflow: Mlflow
) -> None:
    served, trained = team.status("modeldeployment")["stable"], team.status("trainingrun")["execution"]
    with RequestLoop(team.host(), "/invocations", invocation(team)) as loop:
        kubectl("delete", "-n", team.namespace, "trainingruns.millwright.dev/wine", "models.millwright.dev/wine")
        eventually("the run's pods are gone", lambda: not team.pods("wine"))
        reason = partial(team.condition, "modeldeployment", "Ready")
        eventually("the Deployment misses the Model", lambda: reason().get("reason") == "ModelNotFound")
        assert team.status("modeldeployment")["stable"] == served
        team.apply_example(regularization=0.75)
        eventually("version 4 is served: a run that is applied anew trains anew", lambda: team.serves("4"))
    assert loop.failures == []
    assert team.status("trainingrun")["execution"] != trained
    found = mlflow(f"model-versions/search?filter=name%3D%27{team.namespace}.wine%27")["model_versions"]
    assert sorted(version["version"] for version in found) == ["1", "2", "3", "4"]


def has_come(moment: float) -> bool:
    return time.monotonic() >= moment
