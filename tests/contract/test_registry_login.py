"""Registry: an MLflow that asks for a login, as the chart starts it with `mlflow.authSecretName`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.contract.mlflow_server import mlflow_server

from millwright.adapters.mlflow import MlflowRegistry
from millwright.adapters.mlflow_login import PASSWORD, USERNAME, MlflowLogin
from millwright.ports import DependencyError

OPERATOR, TEAM = ("operator", "a-password-of-the-platform"), ("flights", "a-password-of-the-team")
CONFIGURATION = """
[mlflow]
default_permission = EDIT
database_uri = sqlite:///{folder}/auth.db
admin_username = {admin[0]}
admin_password = {admin[1]}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server that knows the operator, and a user of a namespace."""
    folder = tmp_path_factory.mktemp("mlflow")
    file = folder / "basic_auth.ini"
    file.write_text(CONFIGURATION.format(folder=folder, admin=OPERATOR))
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(file), "MLFLOW_FLASK_SERVER_SECRET_KEY": uuid4().hex}
    with mlflow_server(folder, "basic-auth", environment) as address:
        user = {"username": TEAM[0], "password": TEAM[1]}
        made = httpx.post(f"{address}/api/2.0/mlflow/users/create", json=user, auth=OPERATOR, timeout=30)
        made.raise_for_status()
        yield address


@pytest.fixture
async def registry(url: str, tmp_path: Path) -> AsyncIterator[MlflowRegistry]:
    """The operator's, with its Secret mounted at `tmp_path`."""
    write(tmp_path, OPERATOR)
    made = MlflowRegistry(url, login=MlflowLogin(tmp_path))
    yield made
    await made.close()


def write(folder: Path, user: tuple[str, str]) -> None:
    (folder / USERNAME).write_text(user[0])
    (folder / PASSWORD).write_text(user[1])


async def test_refused_credentials_are_said_and_put_right_without_a_restart(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    write(tmp_path, (OPERATOR[0], "wrong"))
    for call in (registry.find_model("flights.m"), registry.ensure_model("flights.m", "", {})):
        with pytest.raises(DependencyError, match="refuses the operator's credentials"):
            await call
    write(tmp_path, OPERATOR)
    await registry.ensure_model("flights.m", "", {})
    assert await registry.find_model("flights.m") is not None


async def test_whoever_names_nobody_is_refused(registry: MlflowRegistry, tmp_path: Path) -> None:
    write(tmp_path, ("", ""))
    with pytest.raises(DependencyError, match="refuses the operator's credentials"):
        await registry.find_run("flights/arr-delay", "k-1")


async def test_a_namespace_s_own_user_logs_into_the_run_that_the_operator_opened(
    registry: MlflowRegistry, url: str
) -> None:
    await registry.open_run("flights/arr-delay", "k-1", {})
    run = await registry.find_run("flights/arr-delay", "k-1")
    assert run is not None
    metric = {"run_id": run.id, "key": "roc_auc", "value": 0.75, "timestamp": 1}
    async with httpx.AsyncClient(base_url=f"{url}/api/2.0/mlflow/", auth=TEAM, timeout=30) as pod:
        (await pod.post("runs/log-metric", json=metric)).raise_for_status()
        await registry.ensure_model("flights.kept", "", {})
        assert (
            await pod.request("DELETE", "registered-models/delete", json={"name": "flights.kept"})
        ).status_code == 403
    found = await registry.find_run("flights/arr-delay", "k-1")
    assert found is not None and found.metrics == {"roc_auc": 0.75}
