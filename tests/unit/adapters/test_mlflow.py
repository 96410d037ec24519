"""How often MLflow is asked for an experiment, and when its ID is asked for again."""

import json
from collections import Counter

import httpx
import pytest

from millwright.adapters.mlflow import MlflowRegistry
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
