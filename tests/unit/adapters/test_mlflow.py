"""How often MLflow is asked for an experiment, when its ID is asked for again, and who asks."""

import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from millwright.adapters.mlflow import MlflowRegistry
from millwright.adapters.mlflow_login import MlflowLogin
from millwright.ports import DependencyError


class Server:
    """MLflow's experiments and searches, as far as needed. `ids`: of experiments by name."""

    def __init__(self) -> None:
        self.ids = {"flights/arr-delay": "1"}
        self.down = False
        self.calls: Counter[str] = Counter()
        self.searched: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/2.0/mlflow/")
        self.calls[path] += 1
        if self.down:
            raise httpx.ConnectError("connection refused")
        if path == "runs/search":
            self.searched += json.loads(request.content)["experiment_ids"]
            return httpx.Response(200, json={})
        found = self.ids.get(request.url.params["experiment_name"])
        if found is None:
            return httpx.Response(404, json={"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})
        return httpx.Response(200, json={"experiment": {"experiment_id": found}})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def registry(server: Server) -> MlflowRegistry:
    return MlflowRegistry("http://mlflow", transport=httpx.MockTransport(server.answer))


async def test_an_experiment_is_asked_for_once_however_often_its_runs_are_looked_at(
    server: Server, registry: MlflowRegistry
) -> None:
    for _ in range(3):
        await registry.find_run("flights/arr-delay", "k-1")
        await registry.open_executions("flights/arr-delay")
    assert server.calls == {"experiments/get-by-name": 1, "runs/search": 6}


async def test_an_experiment_that_is_not_there_is_asked_for_again(server: Server, registry: MlflowRegistry) -> None:
    assert await registry.find_run("flights/new", "k-1") is None
    server.ids["flights/new"] = "2"
    await registry.find_run("flights/new", "k-1")
    assert server.searched == ["2"]


async def test_after_a_failure_of_the_server_the_experiment_is_asked_for_again(
    server: Server, registry: MlflowRegistry
) -> None:
    await registry.find_run("flights/arr-delay", "k-1")
    server.down = True
    with pytest.raises(DependencyError):
        await registry.find_run("flights/arr-delay", "k-1")
    server.down, server.ids = False, {"flights/arr-delay": "7"}
    await registry.find_run("flights/arr-delay", "k-1")
    assert server.searched[-1] == "7"


LOGINS = {
    "nobody where there are no files": ({}, None),
    "a user with a password": (
        {"MLFLOW_TRACKING_USERNAME": "flights", "MLFLOW_TRACKING_PASSWORD": "secret\n", "MLFLOW_TRACKING_TOKEN": "t"},
        "Basic ZmxpZ2h0czpzZWNyZXQ=",
    ),
    "whoever the token says": ({"MLFLOW_TRACKING_TOKEN": "t-1\n"}, "Bearer t-1"),
    "nobody by half of a pair": ({"MLFLOW_TRACKING_USERNAME": "flights"}, None),
}


@pytest.mark.parametrize(("files", "header"), LOGINS.values(), ids=LOGINS.keys())
async def test_the_operator_names_itself_as_the_mounted_secret_says_at_that_moment(
    tmp_path: Path, files: dict[str, str], header: str | None
) -> None:
    headers: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        headers.append(request.headers.get("Authorization"))
        return httpx.Response(200, json={})

    registry = MlflowRegistry("http://mlflow", transport=httpx.MockTransport(answer), login=MlflowLogin(tmp_path))
    await registry.tag_run("1", {})
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    await registry.tag_run("1", {})
    assert headers == [None, header]


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_waited_for_and_named(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text="You are not authenticated."))
    registry = MlflowRegistry("http://mlflow", transport=transport)
    with pytest.raises(DependencyError, match=rf"refuses the operator's credentials \({status}, You are not"):
        await registry.find_model("flights.arr-delay")
