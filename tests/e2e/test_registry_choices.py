"""All of one's own: MLflow on PostgreSQL, with several workers and a login, and S3 where nobody has the root key.

The install that all share is upgraded to it, for one namespace, and is the default one again afterwards.
"""

import base64
import json
import time
import urllib.request
from collections.abc import Iterator
from uuid import uuid4

import pytest
from demo import install
from demo.kube import RELEASE_NAMESPACE, ROOT, helm, kubectl, service_address
from tests.cluster import postgresql
from tests.cluster.settings import Checkout
from tests.e2e import own_services
from tests.e2e.conftest import Team, eventually, invocation

pytestmark = pytest.mark.alone

SERVICES = "e2e-own-services"
SECRETS = ("own-database", "own-auth", "own-login", "own-s3", "own-reader")
OPERATOR, PODS = ("operator", uuid4().hex), ("pods", uuid4().hex)
VALUES = {
    "mlflow.databaseSecretName": "own-database",
    "mlflow.workers": "2",
    "mlflow.authSecretName": "own-auth",
    "mlflow.secretName": "own-login",
    "storage.embedded": "false",
    "storage.secretName": "own-s3",
    "storage.operatorSecretName": "own-reader",
    "storage.packages": "s3://packages",
    "storage.artifacts": "s3://artifacts",
}
AUTH = """
[mlflow]
default_permission = EDIT
database_uri = {uri}
admin_username = {admin[0]}
admin_password = {admin[1]}
"""


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    """A team whose files are applied while the operator has a wrong password for MLflow."""
    made = Team(f"e2e-choices-{int(time.time())}")
    own_services.namespace(SERVICES)
    uri = postgresql.up(Checkout(), SERVICES)
    users = own_services.s3_users(own_services.s3(SERVICES), made.namespace)
    auth = {"basic_auth.ini": AUTH.format(uri=uri, admin=OPERATOR), "secretKey": uuid4().hex}
    own_services.secret(RELEASE_NAMESPACE, "own-database", {"uri": uri})
    own_services.secret(RELEASE_NAMESPACE, "own-auth", auth)
    own_services.secret(RELEASE_NAMESPACE, "own-s3", users["mlflow"])
    own_services.secret(RELEASE_NAMESPACE, "own-reader", users["operator"])
    own_services.secret(made.namespace, "own-s3", users[made.namespace])
    login(RELEASE_NAMESPACE, (OPERATOR[0], "wrong"))
    login(made.namespace, PODS)
    upgrade(made.namespace)
    sign_up(PODS)
    made.apply_example()
    yield made
    kubectl("delete", "namespace", made.namespace, SERVICES, "--wait=false")
    install.install()
    kubectl("delete", "secret", "-n", RELEASE_NAMESPACE, *SECRETS)


def login(namespace: str, user: tuple[str, str]) -> None:
    """The Secret by which the operator, or a namespace's pods, log in to MLflow."""
    values = {"MLFLOW_TRACKING_USERNAME": user[0], "MLFLOW_TRACKING_PASSWORD": user[1]}
    own_services.secret(namespace, "own-login", values)


def upgrade(namespace: str) -> None:
    """The chart with the choices of this page, for one namespace."""
    chosen = [word for name, value in VALUES.items() for word in ("--set", f"{name}={value}")]
    target = ("-n", RELEASE_NAMESPACE, "--reuse-values", "--set", f"namespaces={{{namespace}}}")
    helm("upgrade", "millwright", str(ROOT / "charts" / "millwright"), *target, *chosen)
    for name in ("mlflow", "operator"):
        kubectl("rollout", "status", f"deployment/millwright-{name}", "-n", RELEASE_NAMESPACE, "--timeout=300s")


def sign_up(user: tuple[str, str]) -> None:
    """Makes a user of MLflow, as its administrator."""
    url = f"http://{service_address('millwright-mlflow', RELEASE_NAMESPACE)}/api/2.0/mlflow/users/create"
    body = json.dumps({"username": user[0], "password": user[1]}).encode()
    name = base64.b64encode(":".join(OPERATOR).encode()).decode()
    headers = {"Host": "localhost", "Content-Type": "application/json", "Authorization": f"Basic {name}"}
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30).close()


def told(team: Team) -> str:
    """What the Model says of its registry."""
    conditions = (team.condition("model", kind, "wine") for kind in ("Ready", "Reconciling"))
    return next((c["message"] for c in conditions if c.get("reason") == "MlflowUnavailable"), "")


def test_a_wrong_password_is_said_and_put_right_without_a_restart(team: Team) -> None:
    message = eventually("the Model says what is wrong", lambda: told(team))
    assert "refuses the operator's credentials (401" in message
    assert "own-login" not in message and "wrong" not in message
    login(RELEASE_NAMESPACE, OPERATOR)
    operator = ("-l", "app.kubernetes.io/component=operator", "-n", RELEASE_NAMESPACE)
    kubectl("annotate", "pod", *operator, "e2e/look=now", "--overwrite")  # the kubelet looks at its Secrets at once
    eventually("the Model is registered", lambda: team.condition("model", "Ready").get("status") == "True")


def test_a_run_succeeds_and_its_model_is_served(team: Team) -> None:
    eventually("version 1 is served", lambda: team.serves("1"), 400)
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{team.host()}/invocations", invocation(team).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response) == {"predictions": [0]}


def test_what_mlflow_knows_of_it_is_in_postgresql(team: Team) -> None:
    run = team.status("trainingrun")["mlflowRun"]["id"]
    version = f"select version, run_id from model_versions where name = '{team.namespace}.wine'"
    assert postgresql.rows(Checkout(), SERVICES, version) == [f"1|{run}"]
    metrics = f"select count(*) from latest_metrics where run_uuid = '{run}' and key = 'held_out_accuracy'"
    assert postgresql.rows(Checkout(), SERVICES, metrics) == ["1"]


def test_no_password_is_in_what_the_operator_wrote(team: Team) -> None:
    kinds = "trainingruns,models.millwright.dev,modeldeployments,jobs,pods,configmaps,deployments.apps,events"
    written = kubectl("get", kinds, "-n", team.namespace, "-o", "yaml")
    assert "own-login" in written
    assert not any(word in written for word in (OPERATOR[1], PODS[1]))
