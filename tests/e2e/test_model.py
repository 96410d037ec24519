"""The life of a Model on the installed local cluster: versions are compared, kept, let go, built upon, and deleted."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from demo.kube import RELEASE_NAMESPACE, get, kubectl, secret, service_address
from demo.story import STORAGE_SECRET
from tests.e2e.conftest import EXAMPLE, Mlflow, Team, eventually

METRIC = "held_out_accuracy"
Spec = dict[str, Any]


def an(kind: str, name: str, spec: Spec) -> Spec:
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def a_run(name: str, model: str, regularization: float) -> Spec:
    parameters = {"regularization": regularization}
    source = {"configMapRef": {"name": "wine"}}
    return an("TrainingRun", name, {"pipeline": source, "parameters": parameters, "output": {"model": model}})


@pytest.fixture(scope="module")
def winery() -> Iterator[Team]:
    """A team with two versions of Model wine, and one of Model blend that was made when the first was approved."""
    team = Team(f"e2e-model-{int(time.time())}")
    data = {"pipeline.yaml": (EXAMPLE / "pipeline.yaml").read_text()}
    best = {
        "aliases": {"champion": "LatestApproved", "best": "BestBy"},
        "bestBy": {"metric": METRIC, "goal": "Maximize"},
    }
    team.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wine"}, "data": data},
        an("Model", "wine", best | {"deletionPolicy": "Delete"}),
        an("Model", "blend", {"dependsOn": [{"name": "wine"}]}),
        a_run("first", "wine", 0.5),
    )
    eventually("version 1 is approved", lambda: team.status("model").get("approvedVersion") == "1", 400)
    team.apply(a_run("blend", "blend", 0.5))
    eventually("the blend is launched", lambda: team.status("trainingrun", "blend").get("pipelineRun"))
    team.apply(a_run("second", "wine", 0.25))
    eventually("version 2 is approved", lambda: team.status("model").get("approvedVersion") == "2", 400)
    eventually("the blend is made", lambda: team.status("model", "blend").get("approvedVersion") == "1", 400)
    yield team
    kubectl("delete", "namespace", team.namespace, "--wait=false")


def patch(team: Team, **spec: Any) -> None:
    """Changes Model wine, and waits until the operator has seen that."""
    kubectl("patch", "model", "wine", "-n", team.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
    eventually("the change is told", partial(is_told, team))


def is_told(team: Team) -> bool:
    body = get("model", "wine", team.namespace) or {}
    return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])


def versions(mlflow: Mlflow, team: Team) -> list[str]:
    """Numbers of the versions that MLflow has."""
    found = mlflow(f"model-versions/search?filter=name%3D%27{team.namespace}.wine%27")
    return sorted(version["version"] for version in found.get("model_versions", []))


def packages(team: Team) -> set[str]:
    """Executions of Model wine whose packages, or copies, are in S3."""
    keys = secret(STORAGE_SECRET, team.namespace)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{service_address('millwright-storage', RELEASE_NAMESPACE)}:7070",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        region_name=keys["AWS_DEFAULT_REGION"],
    )
    found = client.list_objects_v2(Bucket="models", Prefix=f"{team.namespace}/wine/").get("Contents", [])
    return {entry["Key"].split("/")[2] for entry in found}


def execution(team: Team, run: str) -> str:
    return str(team.status("trainingrun", run)["execution"])


def test_the_best_version_by_a_metric_has_its_alias(winery: Team) -> None:
    status = winery.status("model")
    measured = {v["version"]: {m["name"]: m["value"] for m in v["metrics"]} for v in status["versions"]}
    assert status["versions"][0]["metrics"][0]["name"] == METRIC
    best = max(measured, key=lambda number: (measured[number][METRIC], int(number)))
    assert status["aliases"] == {"champion": "2", "best": best}


def test_what_is_built_on_an_earlier_version_is_out_of_date(winery: Team) -> None:
    told = eventually("the blend is flagged", partial(out_of_date, winery))
    assert told["reason"] == "UpstreamChanged"
    assert told["message"] == "version 1 was made with version 1 of wine, of which version 2 is approved now"
    assert winery.condition("model", "Ready", "blend")["status"] == "True"


def out_of_date(team: Team) -> dict[str, Any]:
    told = team.condition("model", "UpToDate", "blend")
    return told if told.get("status") == "False" else {}


def test_an_old_version_goes_with_its_package_when_nothing_needs_it(winery: Team, mlflow: Mlflow) -> None:
    first, second = execution(winery, "first"), execution(winery, "second")
    winery.apply(an("Deployment", "old", {"model": {"name": "wine", "version": "1"}, "replicas": 0}))
    served = [{"name": "old", "version": "1", "role": "stable"}]
    eventually("version 1 is served", lambda: winery.status("model").get("deployedBy") == served)
    patch(winery, aliases={"champion": "LatestApproved", "best": None}, bestBy=None, retention={"keepVersions": 1})
    assert versions(mlflow, winery) == ["1", "2"]
    kubectl("delete", "modeldeployment", "old", "-n", winery.namespace)
    eventually("version 1 is gone", lambda: versions(mlflow, winery) == ["2"])
    assert packages(winery) == {second, f"{second}.replay"}
    told = kubectl("describe", "model", "wine", "-n", winery.namespace)
    assert f"version 1 is deleted, and its package s3://models/{winery.namespace}/wine/{first}" in told


def test_a_comment_on_the_run_that_made_it_does_not_make_it_again(winery: Team, mlflow: Mlflow) -> None:
    changed = json.dumps({"spec": {"message": "of an old version"}})
    kubectl("patch", "trainingrun", "first", "-n", winery.namespace, "--type=merge", "-p", changed)
    eventually("it is told", lambda: winery.status("trainingrun", "first")["observedGeneration"] == 2)
    assert winery.condition("trainingrun", "Ready", "first")["reason"] == "Succeeded"
    assert versions(mlflow, winery) == ["2"]


def test_a_model_takes_all_with_it_when_nobody_serves_it_any_more(winery: Team, mlflow: Mlflow) -> None:
    winery.apply(an("Deployment", "wine", {"model": {"name": "wine"}, "replicas": 0}))
    eventually("version 2 is served", lambda: winery.status("model").get("deployedBy"))
    kubectl("delete", "model", "wine", "-n", winery.namespace, "--wait=false")
    eventually("it waits", lambda: winery.condition("model", "Ready").get("reason") == "StillServed")
    assert "served by wine (version 2)" in winery.condition("model", "Ready")["message"]
    kubectl("delete", "modeldeployment", "wine", "-n", winery.namespace)
    eventually("it is gone", lambda: get("model", "wine", winery.namespace) is None)
    assert versions(mlflow, winery) == [] and packages(winery) == set()
    found = mlflow(f"registered-models/search?filter=name%3D%27{winery.namespace}.wine%27")
    assert found.get("registered_models", []) == []
