"""The chart by its renderings: nothing in it asks for more than it needs, whatever the values are."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.settings import ROOT
from tests.contract.chart import (
    CHART,
    NAMESPACE,
    OWN_MLFLOW,
    Object,
    containers,
    helm,
    named,
    pods,
    refusal,
    render,
    settings,
    template,
)
from tests.contract.s3_server import s3_server

from millwright import settings as operator_settings
from millwright.adapters import node_pool_settings

OWN_S3 = {"storage.embedded": False}
GIVEN_KEYS = {"storage.accessKeyId": "given-id", "storage.secretAccessKey": "given-secret"}
VARIANTS: dict[str, Object] = {
    "as it comes": {},
    "two namespaces": {"namespaces": ["a", "b"]},
    "MLflow of one's own": OWN_MLFLOW,
    "S3 of one's own": OWN_S3,
    "all of one's own, in one namespace": OWN_MLFLOW | OWN_S3 | {"namespaces": ["a"]},
    "a login and a database": {
        "mlflow.secretName": "login",
        "mlflow.authSecretName": "auth",
        "mlflow.databaseSecretName": "database",
        "mlflow.workers": 4,
    },
    "given keys": GIVEN_KEYS,
    "a Secret that is there": {"storage.createSecret": False},
    "all switches on": {"serviceMonitor.enabled": True, "images.pullSecrets": [{"name": "registry"}]},
    "all switches off": {
        "podDisruptionBudget.enabled": False,
        "networkPolicy.enabled": False,
        "crds.install": False,
    },
}
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "PersistentVolume"}


@pytest.fixture(scope="module", params=VARIANTS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """What one variant renders to."""
    return render(VARIANTS[request.param])


def test_lint_has_nothing_to_say() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_rule_has_a_wildcard(objects: list[Object]) -> None:
    rules = [rule for body in objects if body["kind"] in ("Role", "ClusterRole") for rule in body["rules"]]
    assert rules
    words = [word for rule in rules for values in rule.values() for word in values]
    assert [word for word in words if "*" in word] == []


def test_no_rule_reads_secrets_or_grants_rights(objects: list[Object]) -> None:
    rules = [rule for body in objects if body["kind"] in ("Role", "ClusterRole") for rule in body["rules"]]
    assert [rule for rule in rules if "secrets" in rule["resources"]] == []
    assert [rule for rule in rules if "rbac.authorization.k8s.io" in rule["apiGroups"]] == []


def test_every_pod_is_restricted(objects: list[Object]) -> None:
    assert {name: unrestricted(pod) for name, pod in pods(objects)} == {name: [] for name, _ in pods(objects)}


def unrestricted(pod: Object) -> list[str]:
    """What of a pod the Pod Security Standard `restricted` refuses, and what else we ask of our own."""
    security = pod.get("securityContext", {})
    wrong = [word for word in ("hostNetwork", "hostPID", "hostIPC") if pod.get(word)]
    wrong += [] if security.get("runAsNonRoot") is True else ["runAsNonRoot"]
    wrong += [] if security.get("seccompProfile") == {"type": "RuntimeDefault"} else ["seccompProfile"]
    volumes = [set(volume) - {"name"} for volume in pod.get("volumes", [])]
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    wrong += [f"volume {kind}" for kinds in volumes for kind in kinds - allowed]
    return wrong + [f"{c['name']}: {word}" for c in containers(pod) for word in privileges(c)]


def privileges(container: Object) -> list[str]:
    wanted: Object = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    given = container.get("securityContext", {})
    ports = [port for port in container.get("ports", []) if "hostPort" in port]
    return [word for word, value in wanted.items() if given.get(word) != value] + ["hostPort" for _ in ports]


def test_only_the_operator_has_an_api_token(objects: list[Object]) -> None:
    having = [name for name, pod in pods(objects) if pod.get("automountServiceAccountToken") is not False]
    assert having == ["mill-operator"]


def test_every_container_has_an_image_with_a_tag_and_bounds(objects: list[Object]) -> None:
    every = [c for _, pod in pods(objects) for c in containers(pod)]
    tags = [c["image"].rpartition("/")[2].rpartition(":")[2] for c in every]
    assert all(":" in c["image"].rpartition("/")[2] for c in every)
    assert "latest" not in tags and "" not in tags
    assert [c["name"] for c in every if not c.get("resources", {}).get("limits", {}).get("memory")] == []


LEASE_ROLE = (NAMESPACE, "mill-operator-lease")


def test_cluster_wide_it_has_one_cluster_role_and_a_role_for_its_lease() -> None:
    objects = render({})
    assert named(objects, "ClusterRole") == [("", "mill-operator")]
    assert named(objects, "ClusterRoleBinding") == [("", "mill-operator")]
    assert named(objects, "Role") == named(objects, "RoleBinding") == [LEASE_ROLE]


def test_the_lease_that_it_may_write_is_the_one_that_it_is_told_to(objects: list[Object]) -> None:
    lease = yaml.safe_load(settings(objects, "settings.yaml"))["lease"]
    assert lease == {"namespace": NAMESPACE, "name": "mill-operator"}
    (role,) = [o for o in objects if o["kind"] == "Role" and o["metadata"]["name"] == "mill-operator-lease"]
    named_rule, creation = role["rules"]
    assert (named_rule["resourceNames"], named_rule["verbs"]) == (["mill-operator"], ["get", "patch"])
    assert creation["verbs"] == ["create"]


def test_several_replicas_are_spread_and_one_is_not() -> None:
    def spread(values: Object) -> Any:
        return template(render(values), "mill-operator")["spec"].get("topologySpreadConstraints")

    assert spread({}) is None
    (constraint,) = spread({"operator.replicas": 2})
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["labelSelector"]["matchLabels"].items() <= labels({"operator.replicas": 2}).items()


def labels(values: Object) -> Any:
    return template(render(values), "mill-operator")["metadata"]["labels"]


def test_namespaced_it_has_a_role_in_each_namespace_and_nothing_cluster_wide_but_the_crds() -> None:
    objects = render({"namespaces": ["a", "b"]})
    roles = [LEASE_ROLE, ("a", "mill-operator"), ("b", "mill-operator")]
    assert named(objects, "Role") == named(objects, "RoleBinding") == roles
    scoped = {body["kind"] for body in objects if body["kind"] in CLUSTER_SCOPED}
    assert scoped == {"CustomResourceDefinition"}
    scoped |= {body["kind"] for body in objects if "namespace" not in body["metadata"]}
    assert scoped == {"CustomResourceDefinition"}


def test_namespaced_and_with_crds_of_before_nothing_is_cluster_wide() -> None:
    objects = render({"namespaces": ["a", "b"], "crds.install": False})
    assert [body["kind"] for body in objects if "namespace" not in body["metadata"]] == []


def test_outside_of_the_watched_namespaces_everything_is_in_the_release_s() -> None:
    objects = render({"namespaces": ["a", "b"]})
    elsewhere = {o["kind"] for o in objects if o["metadata"].get("namespace", NAMESPACE) != NAMESPACE}
    assert elsewhere == {"Role", "RoleBinding"}


def test_the_bindings_name_the_operator_s_account(objects: list[Object]) -> None:
    account = {"kind": "ServiceAccount", "name": "mill-operator", "namespace": NAMESPACE}
    bindings = [body for body in objects if body["kind"].endswith("Binding")]
    assert bindings
    assert [body for body in bindings if body["subjects"] != [account]] == []


@pytest.mark.parametrize("values", [{}, OWN_MLFLOW, GIVEN_KEYS], ids=["embedded MLflow", "own MLflow", "given keys"])
def test_the_embedded_storage_has_its_buckets_made_whatever_mlflow_is_used(values: Object) -> None:
    objects = render(values | {"storage.packages": "s3://packages/all", "storage.artifacts": "s3://artifacts"})
    (job,) = [body for body in objects if body["kind"] == "Job"]
    (container,) = containers(job["spec"]["template"]["spec"])
    assert container["args"][1:] == ["s3://artifacts", "s3://packages/all", "s3://data"]
    assert container["envFrom"] == [{"secretRef": {"name": "millwright-storage"}}]
    assert "post-install,post-upgrade" in job["metadata"]["annotations"]["helm.sh/hook"]


def test_making_the_buckets_makes_those_that_are_missing(tmp_path: Path) -> None:
    (container,) = [c for name, pod in pods(render({})) if name == "mill-buckets" for c in containers(pod)]
    with s3_server(tmp_path) as environment:
        command = [sys.executable, "-c", *container["args"]]
        for _ in range(2):
            subprocess.run(command, env=os.environ | environment, check=True)
            assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["data", "mlflow", "models"]
            (tmp_path / "data" / "models").rmdir()


def test_with_s3_of_one_s_own_there_is_no_gateway_no_secret_and_no_bucket() -> None:
    objects = render(OWN_S3)
    assert named(objects, "Secret") == named(objects, "Job") == []
    assert "mill-storage" not in [name for name, _ in pods(objects)]


@pytest.mark.parametrize("values", [GIVEN_KEYS, {"storage.createSecret": False}, OWN_S3])
def test_with_keys_from_outside_two_renderings_are_equal(values: Object) -> None:
    assert render(values) == render(values)


def test_without_keys_from_outside_only_the_secret_differs_between_renderings() -> None:
    def rest(objects: list[Object]) -> list[Object]:
        return [body for body in objects if body["kind"] != "Secret"]

    first, second = render({}), render({})
    assert first != second
    assert rest(first) == rest(second)


def test_given_keys_are_the_storage_s_and_other_keys_start_its_pods_anew() -> None:
    (made,) = [body for body in render(GIVEN_KEYS) if body["kind"] == "Secret"]
    assert made["stringData"]["AWS_ACCESS_KEY_ID"] == "given-id"
    assert made["stringData"]["AWS_SECRET_ACCESS_KEY"] == "given-secret"
    changed = GIVEN_KEYS | {"storage.secretAccessKey": "another-secret"}
    for name in ("mill-storage", "mill-mlflow"):
        assert template(render(GIVEN_KEYS), name) != template(render(changed), name)


def test_what_the_chart_writes_the_operator_reads(
    objects: list[Object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = tmp_path / "node-pools.yaml"
    pools.write_text(settings(objects, "node-pools.yaml"))
    text = settings(objects, "settings.yaml").replace("/etc/millwright/node-pools.yaml", str(pools))
    (tmp_path / "settings.yaml").write_text(text)
    monkeypatch.setenv(operator_settings.FILE_VARIABLE, str(tmp_path / "settings.yaml"))
    assert operator_settings.load().lease.name == "mill-operator"


def test_node_pools_are_what_the_operator_reads() -> None:
    values = yaml.safe_load((ROOT / "demo" / "node-pools.yaml").read_text())
    pools = node_pool_settings.parse(settings(render(values), "node-pools.yaml").encode())
    assert (set(pools.pools), pools.default, pools.currency) == ({"cpu", "gpu"}, "cpu", "EUR")
    assert node_pool_settings.parse(settings(render({}), "node-pools.yaml").encode()).pools == {}


OWN_PIPELINES = OWN_S3 | {"storage.pipelines": ["s3://pipelines/"]}
READER = {"storage.operatorSecretName": "reader"}


@pytest.mark.parametrize(
    ("values", "secret"),
    [
        ({}, "millwright-storage"),
        (OWN_S3, None),
        (OWN_PIPELINES, "millwright-storage"),
        (OWN_S3 | READER, "reader"),
        (READER, "reader"),
    ],
    ids=["embedded", "own", "own with pipelines", "own with a Secret for reading", "embedded with another Secret"],
)
def test_the_operator_has_credentials_only_where_it_may_have_to_read(values: Object, secret: str | None) -> None:
    (container,) = template(render(values), "mill-operator")["spec"]["containers"]
    assert container.get("envFrom") == ([{"secretRef": {"name": secret}}] if secret else None)


def test_other_node_pools_start_no_pod_anew() -> None:
    before, after = (
        render(OWN_S3),
        render(OWN_S3 | {"nodePools": {"cpu": {"hourlyCost": 0.1}}, "defaultNodePool": "cpu"}),
    )
    assert settings(before, "node-pools.yaml") != settings(after, "node-pools.yaml")
    assert list(pods(before)) == list(pods(after))
    assert template(before, "mill-operator") == template(after, "mill-operator")
    assert template(before, "mill-operator") != template(render(OWN_S3 | {"operator.workers": 9}), "mill-operator")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"storage.accessKeyId": "alone"}, "secretAccessKey"),
        ({"storage.secretAccessKey": "all-alone"}, "secretAccessKey"),
        ({"storage.bucket": "models"}, "bucket"),
        ({"namespaces": ["a", "a"]}, "namespaces"),
        ({"nodePools": {"GPU": {}}}, "GPU"),
        ({"nodePools": {"gpu": {"accelerators": "nvidia.com/gpu"}}}, "accelerators"),
        ({"nodePools": {"gpu": {"hourlyCost": -1}}}, "hourlyCost"),
        ({"currency": "euro"}, "currency"),
        ({"operator.replicas": 0}, "replicas"),
    ],
)
def test_wrong_values_are_refused_by_name(values: Object, words: str) -> None:
    assert words in refusal(values)
