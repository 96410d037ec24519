import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.serving import packages

from millwright_serving.app import App
from millwright_serving.package import Manifest
from millwright_serving.served import INLINE_ROWS
from millwright_serving.server import build
from millwright_serving.settings import ModelVersion, Settings

Onnx = tuple[Path, Manifest, LogisticRegression]
MODEL = "/v2/models/delay"


class Answer:
    """What the app sent."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body: bytes = messages[1]["body"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    app: App, method: str, path: str, *chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = (), port: int = 8080
) -> Answer:
    """One request, its body in `chunks`, through ASGI."""
    bodies = list(chunks or (b"",))
    incoming: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b, "more_body": i < len(bodies) - 1} for i, b in enumerate(bodies)]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers), "server": ("::1", port)}
    asyncio.run(app(scope, receive, send))
    return Answer(sent)


def infer_body(table: np.ndarray, **more: Any) -> bytes:
    inputs = [
        {"name": name, "shape": [len(table)], "datatype": "FP64", "data": table[:, i].tolist()}
        for i, name in enumerate(packages.COLUMNS)
    ]
    return json.dumps({"inputs": inputs, **more}).encode()


def split_body(table: np.ndarray) -> bytes:
    return json.dumps({"dataframe_split": {"columns": packages.COLUMNS, "data": table.tolist()}}).encode()


def settings_of(folder: Path, manifest: Manifest) -> Settings:
    return Settings(ModelVersion("delay", "7", str(folder), manifest.digest), max_body_bytes=100_000)


def ready(settings: Settings) -> App:
    """An app that has started."""
    app = build(settings)
    asyncio.run(app.models.start())
    return app


@pytest.fixture
def loading(onnx: Onnx) -> App:
    return build(settings_of(*onnx[:2]))


@pytest.fixture
def app(onnx: Onnx) -> App:
    return ready(settings_of(*onnx[:2]))


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/7"])
@pytest.mark.parametrize("count", [1, INLINE_ROWS + 1])
def test_infer_answers_as_the_original_model(app: App, onnx: Onnx, path: str, count: int) -> None:
    table = packages.rows(count, seed=2)

    answer = call(app, "POST", f"{path}/infer", infer_body(table, id="r-1"))

    probabilities, label = answer.json["outputs"]
    expected = onnx[2].predict_proba(table)
    assert answer.status == 200
    assert {k: answer.json[k] for k in ("model_name", "model_version", "id")} == {
        "model_name": "delay", "model_version": "7", "id": "r-1",
    }  # fmt: skip
    assert (probabilities["shape"], label["shape"]) == ([count, 2], [count])
    np.testing.assert_allclose(np.reshape(probabilities["data"], (-1, 2)), expected, atol=1e-6, rtol=0)
    assert label["data"] == onnx[2].predict(table).tolist()


@pytest.mark.parametrize("count", [1, INLINE_ROWS + 1])
def test_invocations_answer_what_predict_returns(app: App, onnx: Onnx, count: int) -> None:
    table = packages.rows(count, seed=3)

    answer = call(app, "POST", "/invocations", split_body(table))

    assert answer.json == {"predictions": onnx[2].predict(table).tolist()}


def test_every_answer_names_the_model_version(app: App) -> None:
    for method, path in (("GET", "/v2"), ("POST", "/invocations"), ("GET", "/nothing")):
        assert call(app, method, path).headers["x-millwright-model-version"] == "7"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2", {"name": "millwright", "version": "0.1.0", "extensions": ["binary_tensor_data"]}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/ping", {"ready": True}),
        (f"{MODEL}/ready", {"name": "delay", "ready": True}),
        (f"{MODEL}/versions/7/ready", {"name": "delay", "ready": True}),
    ],
)
def test_a_ready_server_says_so(app: App, path: str, body: Any) -> None:
    answer = call(app, "GET", path)

    assert (answer.status, answer.json) == (200, body)
    assert answer.headers["content-type"] == "application/json"


def test_the_metadata_is_the_signature(app: App) -> None:
    assert call(app, "GET", MODEL).json == {
        "name": "delay",
        "versions": ["7"],
        "platform": "onnx_onnxruntime",
        **packages.BY_COLUMN.to_dict(),
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v2/models/other", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", f"{MODEL}/versions/8/infer", 404),
        ("GET", f"{MODEL}/infer", 405),
        ("POST", "/v2/health/ready", 405),
        ("POST", f"{MODEL}/infer", 400),
    ],
)
def test_a_refusal_has_its_status_and_an_error(app: App, method: str, path: str, status: int) -> None:
    answer = call(app, method, path)

    assert answer.status == status
    assert list(answer.json) == ["error"] and answer.json["error"]


def test_while_it_loads_a_server_is_alive_but_not_ready(loading: App) -> None:
    assert call(loading, "GET", "/v2/health/live").status == 200
    for method, path in (
        ("GET", "/v2/health/ready"), ("GET", "/ping"), ("GET", MODEL), ("GET", f"{MODEL}/ready"),
        ("POST", f"{MODEL}/infer"), ("POST", "/invocations"),
    ):  # fmt: skip
        answer = call(loading, method, path, b"{}")
        assert (answer.status, answer.json) == (503, {"error": "the model is not loaded yet"})


def test_while_it_drains_a_server_predicts_but_is_not_ready_and_sends_clients_away(app: App) -> None:
    app.draining = True

    ready = call(app, "GET", "/v2/health/ready")
    answer = call(app, "POST", f"{MODEL}/infer", infer_body(packages.rows(1)))

    assert (ready.status, answer.status) == (503, 200)
    assert ready.headers["connection"] == answer.headers["connection"] == "close"
    assert call(app, "GET", "/v2/health/live").status == 200


def test_a_body_may_come_in_chunks(app: App) -> None:
    body = split_body(packages.rows(2))

    assert call(app, "POST", "/invocations", body[:9], body[9:]).status == 200


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [
        ((b" " * 100_001,), ()),
        ((b" " * 60_000, b" " * 60_000), ()),
        ((b" ", b" "), ((b"content-length", b"100001"),)),
    ],
    ids=["at once", "in chunks", "announced"],
)
def test_a_body_over_the_limit_is_refused(app: App, chunks: tuple[bytes, ...], headers: Any) -> None:
    answer = call(app, "POST", "/invocations", *chunks, headers=headers)

    assert (answer.status, answer.json) == (413, {"error": "the body has over 100000 bytes"})
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("count", [1, INLINE_ROWS + 1])
def test_what_the_model_raises_on_an_allowed_request_is_the_servers_fault_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    app = ready(settings_of(tmp_path, packages.skops_package(tmp_path, packages.logistic_regression())))

    answer = call(app, "POST", "/invocations", json.dumps({"inputs": [[None, 1, 2]] * count}).encode())

    assert answer.status == 500
    assert "the model failed to predict: ValueError: Input X contains NaN" in answer.json["error"]
    assert [(record.message, record.exc_info is not None) for record in caplog.records] == [("The model failed.", True)]


@pytest.mark.parametrize(
    "inputs",
    [[[1, 2]], [[1, 2, "x"]], [[1, 2, [3]]], [], "x"],
    ids=["another width", "another datatype", "another rank", "no rows", "no rows at all"],
)
def test_what_the_signature_does_not_allow_is_the_clients_mistake(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, inputs: Any
) -> None:
    app = ready(settings_of(tmp_path, packages.skops_package(tmp_path, packages.logistic_regression())))

    answer = call(app, "POST", "/invocations", json.dumps({"inputs": inputs}).encode())

    assert answer.status == 400 and answer.json["error"]
    assert caplog.records == []


def test_metrics_count_predictions_and_name_the_model(app: App, onnx: Onnx) -> None:
    call(app, "POST", f"{MODEL}/infer", infer_body(packages.rows(3)))
    call(app, "POST", f"{MODEL}/infer", b"{")
    call(app, "GET", "/v2/health/ready")

    lines = call(app, "GET", "/metrics").body.decode().splitlines()

    assert 'millwright_serving_requests_total{code="200"} 1.0' in lines
    assert 'millwright_serving_requests_total{code="400"} 1.0' in lines
    assert "millwright_serving_rows_total 3.0" in lines
    assert "millwright_serving_request_seconds_count 2.0" in lines
    assert "millwright_serving_requests_in_flight 1.0" in lines  # the scrape itself
    labels = f'digest="{onnx[1].digest}",format="onnx",model="delay",version="7"'
    assert f"millwright_serving_model_info{{{labels}}} 1.0" in lines


def test_metrics_have_the_bounds_of_latency_that_analysis_asks_for(app: App) -> None:
    lines = call(app, "GET", "/metrics").body.decode().splitlines()

    for milliseconds in (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000):
        assert f'millwright_serving_request_seconds_bucket{{le="{milliseconds / 1000}"}} 0.0' in lines


def test_metrics_count_what_was_predicted_whatever_was_asked_for(app: App, onnx: Onnx) -> None:
    table = packages.rows(3)
    call(app, "POST", f"{MODEL}/infer", infer_body(table, outputs=[{"name": "label"}]))
    call(app, "POST", "/invocations", split_body(table))
    call(app, "POST", "/invocations", b"{")

    lines = call(app, "GET", "/metrics").body.decode().splitlines()

    assert 'millwright_serving_predictions_count{class="1"} 6.0' in lines
    low = float(2 * (onnx[2].predict_proba(table)[:, 1] <= 0.5).sum())
    assert f'millwright_serving_predictions_bucket{{class="1",le="0.5"}} {low}' in lines


def test_metrics_of_a_regressor_have_the_buckets_of_its_sample(tmp_path: Path) -> None:
    app = ready(settings_of(tmp_path, packages.values_package(tmp_path, [0.0, 10.0])))
    call(app, "POST", "/invocations", b'{"inputs": [[1, 2, 3]]}')

    lines = call(app, "GET", "/metrics").body.decode().splitlines()

    assert 'millwright_serving_predictions_bucket{le="5.5"} 0.0' in lines
    assert 'millwright_serving_predictions_bucket{le="6.5"} 1.0' in lines
