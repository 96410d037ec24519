"""The chart's choices of a registry: the embedded one, its database and its login, or one's own."""

import pytest
import yaml
from tests.contract.chart import NAMESPACE, OWN_MLFLOW, Object, containers, named, refusal, render, settings, template


def mlflow(values: Object) -> tuple[Object, Object]:
    """The embedded MLflow's pod, and its container's variables."""
    objects = render(values)
    pod = template(objects, "mill-mlflow")["spec"]
    (container,) = containers(pod)
    return pod, {entry["name"]: entry.get("value") or entry["valueFrom"] for entry in container["env"]}


def test_without_a_database_mlflow_has_sqlite_on_a_volume() -> None:
    pod, variables = mlflow({})
    assert variables["MLFLOW_BACKEND_STORE_URI"] == "sqlite:////data/mlflow.db"
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "mill-mlflow"}} in pod["volumes"]


def test_with_a_database_mlflow_has_its_address_from_a_secret_and_no_volume() -> None:
    values = {"mlflow.databaseSecretName": "database", "mlflow.workers": 4}
    pod, variables = mlflow(values)
    assert variables["MLFLOW_BACKEND_STORE_URI"] == {"secretKeyRef": {"name": "database", "key": "uri"}}
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]
    assert "--workers=4" in pod["containers"][0]["args"]
    assert (NAMESPACE, "mill-mlflow") not in named(render(values), "PersistentVolumeClaim")


def test_with_a_file_of_its_own_mlflow_asks_for_a_login() -> None:
    pod, variables = mlflow({"mlflow.authSecretName": "auth"})
    assert "--app-name=basic-auth" in pod["containers"][0]["args"]
    assert variables["MLFLOW_FLASK_SERVER_SECRET_KEY"] == {"secretKeyRef": {"name": "auth", "key": "secretKey"}}
    folder = variables["MLFLOW_AUTH_CONFIG_PATH"].rpartition("/")[0]
    assert {"name": "auth", "mountPath": folder, "readOnly": True} in pod["containers"][0]["volumeMounts"]


@pytest.mark.parametrize("server", [{}, OWN_MLFLOW], ids=["embedded", "own"])
def test_the_operator_s_login_is_a_mounted_secret_that_may_come_later(server: Object) -> None:
    objects = render(server | {"mlflow.secretName": "login"})
    section = yaml.safe_load(settings(objects, "settings.yaml"))["mlflow"]
    assert section["secretName"] == "login"
    pod = template(objects, "mill-operator")["spec"]
    assert {"name": "mlflow-login", "secret": {"secretName": "login", "optional": True}} in pod["volumes"]
    mount = {"name": "mlflow-login", "mountPath": section["loginFolder"], "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mlflow.embedded": False}, "trackingUri"),
        (OWN_MLFLOW | {"mlflow.trackingUri": "http://admin:secret@mlflow"}, "trackingUri"),
        ({"mlflow.workers": 2}, "databaseSecretName"),
    ],
    ids=["none", "one whose address names a user", "several writers of SQLite"],
)
def test_a_wrong_choice_is_refused_by_name(values: Object, words: str) -> None:
    assert words in refusal(values)
