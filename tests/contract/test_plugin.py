"""The kubectl plugin's fakes answer as the real Kubernetes API and the real MLflow do."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.fakes import FakeCluster, FakeRegistry
from tests.contract.kube import kubectl

from millwright_cli.adapters.kubernetes import KubernetesCluster
from millwright_cli.adapters.mlflow import MlflowRegistry
from millwright_cli.core.errors import Conflict, Failure, NotFound
from millwright_cli.core.kinds import MODEL, POD, TRAINING_RUN, Manifest
from millwright_cli.core.version_facts import Registered
from millwright_cli.ports import Cluster, Registry

Put = Callable[[Manifest], None]


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, namespace: str) -> tuple[Cluster, Put]:
    """The port, and somebody else who applies."""
    if request.param == "fake":
        fake = FakeCluster(namespace=namespace)
        return fake, fake.put

    def put(manifest: Manifest) -> None:
        assert kubectl("apply", "-f", "-", stdin=json.dumps(manifest)).returncode == 0

    return KubernetesCluster(), put


def a_model(namespace: str, name: str, **spec: Any) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": {"for": name}}
    return {"apiVersion": MODEL.api_version, "kind": "Model", "metadata": metadata, "spec": spec}


def test_objects_are_read_chosen_and_patched_in_the_version_that_was_read(
    world: tuple[Cluster, Put], namespace: str
) -> None:
    cluster, put = world
    put(a_model(namespace, "delays", owner="me", description="late?"))
    put(a_model(namespace, "others"))
    body = cluster.get(MODEL, namespace, "delays")
    patch = {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}, "spec": {"owner": None}}
    cluster.patch(MODEL, namespace, "delays", patch)
    (found,) = cluster.list(MODEL, namespace, "for=delays")
    assert (found["kind"], found["apiVersion"]) == ("Model", MODEL.api_version)
    assert "owner" not in found["spec"] and found["spec"]["description"] == "late?"
    with pytest.raises(Conflict):
        cluster.patch(MODEL, namespace, "delays", patch)


def test_what_is_not_there_is_not_found(world: tuple[Cluster, Put], namespace: str) -> None:
    cluster, _ = world
    with pytest.raises(NotFound, match="there is no Model nothing"):
        cluster.get(MODEL, namespace, "nothing")
    assert list(cluster.list(POD, namespace, "for=nothing")) == []


def test_what_is_made_gets_a_name(world: tuple[Cluster, Put], namespace: str) -> None:
    cluster, _ = world
    spec = {"replayOf": {"modelVersion": "1"}, "output": {"model": "delays"}, "suspend": True}
    metadata = {"generateName": "again-", "namespace": namespace}
    manifest = {"apiVersion": MODEL.api_version, "kind": "TrainingRun", "metadata": metadata, "spec": spec}
    name = cluster.create(TRAINING_RUN, namespace, manifest)
    assert name.startswith("again-")
    assert cluster.get(TRAINING_RUN, namespace, name)["spec"]["replayOf"]["modelVersion"] == "1"


def test_a_field_that_the_crd_does_not_know_is_refused(namespace: str) -> None:
    kubectl("apply", "-f", "-", stdin=json.dumps(a_model(namespace, "strict")))
    cluster = KubernetesCluster()
    version = {"resourceVersion": cluster.get(MODEL, namespace, "strict")["metadata"]["resourceVersion"]}
    with pytest.raises(Failure, match="upgrade its CRDs"):
        cluster.patch(MODEL, namespace, "strict", {"metadata": version, "spec": {"colour": "red"}})


PARAMETERS, METRICS = {"depth": "6"}, {"roc_auc": 0.75}
TAGS, RUN_TAGS = {"millwright.digest": "sha256:1"}, {"millwright.arguments": "{}"}


@pytest.fixture(params=["fake", "real"])
def registry(request: pytest.FixtureRequest) -> Registry:
    """With version 1 of ns.m."""
    if request.param == "fake":
        return FakeRegistry({"ns.m/1": Registered(TAGS, PARAMETERS, METRICS, RUN_TAGS)})
    url = request.getfixturevalue("mlflow_url")
    _register(url)
    return MlflowRegistry(url)


def _register(url: str) -> None:

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{url}/api/2.0/mlflow/{path}", json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"key": key, "value": value} for key, value in values.items()]

    run = post("runs/create", {"experiment_id": "0", "start_time": 1, "tags": pairs(RUN_TAGS)})["run"]["info"]["run_id"]
    metrics = [pair | {"timestamp": 1, "step": 0} for pair in pairs(METRICS)]
    post("runs/log-batch", {"run_id": run, "params": pairs(PARAMETERS), "metrics": metrics})
    post("registered-models/create", {"name": "ns.m"})
    post("model-versions/create", {"name": "ns.m", "source": "s3://a/b", "run_id": run, "tags": pairs(TAGS)})


def test_a_version_comes_with_what_its_run_logged(registry: Registry) -> None:
    found = registry.version("ns.m", "1")
    assert (found.tags, found.parameters, found.metrics) == (TAGS, PARAMETERS, METRICS)
    assert found.run_tags["millwright.arguments"] == "{}"
    with pytest.raises(NotFound):
        registry.version("ns.m", "2")
