"""The fake and the real adapter do the same; and what the adapter makes of an API's errors."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes.config import kube_config
from tests.cli.api_server import Api, kubeconfig, serving
from tests.cli.fakes import flights

from millwright_cli.adapters.kubernetes import KubernetesCluster
from millwright_cli.core.errors import Conflict, Failure, NotFound, NotStarted, Unavailable
from millwright_cli.core.kinds import CONFIG_MAP, DEPLOYMENT, MODEL, POD, TRAINING_RUN
from millwright_cli.ports import Cluster

RUN = "millwright.dev/training-run=arr-delay,millwright.dev/execution=arr-delay-0000000009"


def use(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """The client reads KUBECONFIG when it is imported."""
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    made = Api(flights())
    with serving(made, tmp_path) as file:
        use(monkeypatch, file)
        yield made


@pytest.fixture(params=["fake", "real"])
def cluster(request: pytest.FixtureRequest, api: Api) -> Cluster:
    return api.cluster if request.param == "fake" else KubernetesCluster()


def test_an_object_is_read_whole(cluster: Cluster) -> None:
    body = cluster.get(MODEL, cluster.namespace, "arr-delay")
    assert (body["kind"], body["status"]["latestVersion"]) == ("Model", "8")
    assert "parameters.json" in cluster.get(CONFIG_MAP, "flights", "arr-delay-0000000008")["data"]


def test_a_list_is_of_one_namespace_and_its_items_say_what_they_are(cluster: Cluster) -> None:
    found = cluster.list(DEPLOYMENT, "flights")
    assert [(body["kind"], body["metadata"]["name"]) for body in found] == [
        ("Deployment", "arr-delay"),
        ("Deployment", "delays-eu"),
        ("Deployment", "taxi-out-lab"),
    ]
    assert list(cluster.list(DEPLOYMENT, "elsewhere")) == []


def test_a_selector_chooses(cluster: Cluster) -> None:
    names = [pod["metadata"]["name"] for pod in cluster.list(POD, "flights", RUN)]
    assert names == ["arr-delay-0000000009-load", "arr-delay-0000000009-train"]


def test_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="there is no Model nothing in namespace flights"):
        cluster.get(MODEL, "flights", "nothing")


def test_a_patch_is_merged_into_the_version_that_was_read(cluster: Cluster) -> None:
    version = cluster.get(DEPLOYMENT, "flights", "arr-delay")["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "spec": {"replicas": None, "rollout": {"paused": True}}}
    cluster.patch(DEPLOYMENT, "flights", "arr-delay", patch)
    spec = cluster.get(DEPLOYMENT, "flights", "arr-delay")["spec"]
    assert spec["rollout"] == {"paused": True} and "replicas" not in spec and "strategy" in spec
    with pytest.raises(Conflict):
        cluster.patch(DEPLOYMENT, "flights", "arr-delay", patch)


def test_what_is_made_gets_a_name(cluster: Cluster) -> None:
    metadata = {"generateName": "again-", "namespace": "flights"}
    name = cluster.create(TRAINING_RUN, "flights", {"kind": "TrainingRun", "metadata": metadata, "spec": {"a": 1}})
    assert name.startswith("again-")
    assert cluster.get(TRAINING_RUN, "flights", name)["spec"] == {"a": 1}


@pytest.mark.parametrize("follow", [False, True])
def test_a_log_is_read_by_lines(cluster: Cluster, follow: bool) -> None:
    lines = cluster.log("flights", "arr-delay-0000000009-load", "main", follow)
    assert list(lines) == ["reading [6] months", "81000 rows"]


def test_a_container_that_waits_has_no_log_yet(cluster: Cluster) -> None:
    with pytest.raises(NotStarted, match="ContainerCreating"):
        list(cluster.log("flights", "another", "main", follow=True))


def test_writes_say_who_writes_and_have_unknown_fields_refused(api: Api) -> None:
    version = api.cluster.get(MODEL, "flights", "arr-delay")["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "spec": {"owner": "me"}}
    KubernetesCluster().patch(MODEL, "flights", "arr-delay", patch)
    path = "/apis/millwright.dev/v1alpha1/namespaces/flights/models/arr-delay"
    query = {"fieldManager": "kubectl-millwright", "fieldValidation": "Strict"}
    assert api.requests == [("PATCH", path, query, "application/merge-patch+json")]


@pytest.mark.parametrize(
    ("status", "message", "error", "said"),
    [
        (401, "Unauthorized", Failure, "log in to the cluster again"),
        (403, "models is forbidden: User me cannot get", Failure, "User me cannot get; docs/kubectl-plugin.md"),
        (422, "approvedVersions belongs to Manual", Failure, "refuses this: approvedVersions belongs to Manual"),
        (400, 'strict decoding error: unknown field "spec.rollout"', Failure, "upgrade its CRDs and operator"),
        (500, "etcd is down", Unavailable, "etcd is down"),
        (429, "too many requests", Unavailable, "try again"),
    ],
)
def test_a_refusal_says_what_to_do(api: Api, status: int, message: str, error: type[Failure], said: str) -> None:
    api.answer = (status, json.dumps({"kind": "Status", "message": message}))
    with pytest.raises(error) as refused:
        KubernetesCluster().get(MODEL, "flights", "arr-delay")
    assert (type(refused.value), said in str(refused.value)) == (error, True), refused.value


def test_an_answer_that_is_no_status_is_told_as_it_is(api: Api) -> None:
    api.answer = (502, "<html>bad gateway")
    with pytest.raises(Unavailable, match="<html>bad gateway"):
        KubernetesCluster().get(MODEL, "flights", "arr-delay")


def test_a_cluster_without_the_crds_is_told(api: Api) -> None:
    api.answer = (404, "404 page not found")
    with pytest.raises(Failure, match="is Millwright installed in it"):
        KubernetesCluster().list(MODEL, "flights")


def test_an_api_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, kubeconfig(tmp_path, "http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1 does not answer .*refused"):
        KubernetesCluster().get(MODEL, "flights", "arr-delay")


def test_the_namespace_is_the_context_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, kubeconfig(tmp_path, "http://127.0.0.1:1"))
    assert (KubernetesCluster().namespace, KubernetesCluster("bare").namespace) == ("flights", "default")
    with pytest.raises(Failure, match="no context 'other'"):
        _ = KubernetesCluster("other").namespace


def test_without_a_kubeconfig_it_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, tmp_path / "nothing")
    with pytest.raises(Failure, match="set KUBECONFIG, or name one of its contexts with --context"):
        _ = KubernetesCluster().namespace
