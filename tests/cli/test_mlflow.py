"""MLflow's REST API, as the plugin reads it; tests/contract/test_plugin.py asks a real one."""

import base64
from typing import Any

import httpx
import pytest

from millwright_cli.adapters.mlflow import MlflowRegistry
from millwright_cli.core.errors import Failure, NotFound, Unavailable
from millwright_cli.core.version_facts import Registered

VERSION = {"name": "flights.arr-delay", "version": "7", "run_id": "r1", "tags": [{"key": "a", "value": "b"}]}
RUN = {"params": [{"key": "p", "value": "1"}], "metrics": [{"key": "m", "value": "NaN"}], "tags": [{"key": "t"}]}
ABSENT = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"}


def registry(run: httpx.Response, seen: list[httpx.Request] | None = None) -> MlflowRegistry:
    """MLflow that has one version, and answers so when asked for its run."""

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return run if request.url.path.endswith("runs/get") else httpx.Response(200, json={"model_version": VERSION})

    return MlflowRegistry("http://mlflow:5000/", httpx.MockTransport(answer))


def asked(run: httpx.Response) -> Registered:
    return registry(run).version("flights.arr-delay", "7")


def test_a_version_comes_with_its_run() -> None:
    found = asked(httpx.Response(200, json={"run": {"data": RUN}}))
    assert (found.tags, found.parameters, found.run_tags) == ({"a": "b"}, {"p": "1"}, {"t": ""})
    assert str(found.metrics) == "{'m': nan}"


def test_a_version_whose_run_was_deleted_has_its_tags() -> None:
    assert asked(httpx.Response(404, json=ABSENT)) == Registered({"a": "b"})


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    {
        "a login": (
            httpx.Response(401, text="no"),
            Failure,
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        ),
        "a page": (httpx.Response(200, text="<html>"), Unavailable, "what answers at http://mlflow:5000 is no MLflow"),
        "a defect": (httpx.Response(500, json={"message": "boom"}), Unavailable, "fails: 500 boom"),
    }.values(),
)
def test_what_is_no_answer_says_what_to_do(answer: httpx.Response, error: type[Failure], said: str) -> None:
    with pytest.raises(error) as refused:
        asked(answer)
    assert (type(refused.value), said in str(refused.value)) == (error, True), refused.value


def test_a_version_that_there_is_not_is_not_found() -> None:
    nothing = MlflowRegistry("http://mlflow", httpx.MockTransport(lambda request: httpx.Response(404, json=ABSENT)))
    with pytest.raises(NotFound):
        nothing.version("flights.arr-delay", "9")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no url", "http://[", "ftp://x"])
def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        MlflowRegistry(url).version("flights.arr-delay", "7")


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({}, None),
        ({"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
        (
            {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "pw", "MLFLOW_TRACKING_TOKEN": "abc"},
            f"Basic {base64.b64encode(b'me:pw').decode()}",
        ),
    ],
)
def test_the_login_is_that_of_mlflow_s_client(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], header: Any
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen: list[httpx.Request] = []
    registry(httpx.Response(404, json=ABSENT), seen).version("flights.arr-delay", "7")
    assert {request.headers.get("Authorization") for request in seen} == {header}
