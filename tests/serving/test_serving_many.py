"""The server of many models: by ASGI, and as a process."""

import http.client
import json
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.serving import packages
from tests.serving.test_serving_app import call, infer_body, ready
from tests.serving.test_serving_server import DEADLINE, Server, SlowToLoad, wait_until

from millwright_serving.app import App
from millwright_serving.package import Manifest, PackageError
from millwright_serving.server import build
from millwright_serving.settings import ManyModels, Settings

Onnx = tuple[Path, Manifest, LogisticRegression]
TABLE = packages.rows(2, seed=8)
A, B, BROKEN = "/v2/models/a", "/v2/models/b", "/v2/models/broken"
GIB = 2**30


def entry(name: str, version: str, onnx: Onnx, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "packageURI": str(onnx[0]), "digest": onnx[1].digest, **more}


def listed(folder: Path, *entries: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "models.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture
def lists(onnx: Onnx, tmp_path: Path) -> Path:
    """Two versions of a, one of b, and one whose package is another than listed."""
    broken = entry("broken", "1", onnx, digest="sha256:" + "0" * 64)
    return listed(tmp_path / "lists", entry("a", "2", onnx), entry("a", "1", onnx), entry("b", "1", onnx), broken)


def settings_of(lists: Path) -> Settings:
    return Settings(ManyModels(lists, memory_budget=64 * GIB), model_dir=lists.parent / "models", max_body_bytes=10_000)


@pytest.fixture
def app(lists: Path) -> App:
    return ready(settings_of(lists))


def index(app: App, body: bytes = b"") -> dict[tuple[str, str], tuple[str, str]]:
    answer = call(app, "POST", "/v2/repository/index", body)
    assert answer.status == 200
    return {(one["name"], one["version"]): (one["state"], one["reason"]) for one in answer.json}


def value(app: App, name: str, **labels: str) -> float | None:
    return app.observer.metrics.registry.get_sample_value(f"millwright_serving_{name}", labels)


@pytest.mark.parametrize(("path", "version"), [(A, "2"), (f"{A}/versions/2", "2"), (f"{A}/versions/1", "1"), (B, "1")])
def test_each_model_answers_as_the_original_and_names_its_version(
    app: App, onnx: Onnx, path: str, version: str
) -> None:
    answer = call(app, "POST", f"{path}/infer", infer_body(TABLE))

    probabilities = np.reshape(answer.json["outputs"][0]["data"], (-1, 2))
    np.testing.assert_allclose(probabilities, onnx[2].predict_proba(TABLE), atol=1e-6, rtol=0)
    assert answer.json["model_version"] == answer.headers["x-millwright-model-version"] == version


def test_nothing_is_loaded_before_it_is_asked_for(app: App) -> None:
    assert call(app, "GET", "/v2/health/ready").status == 200
    assert set(index(app).values()) == {("UNAVAILABLE", "not loaded")}

    call(app, "POST", f"{B}/infer", infer_body(TABLE))

    assert index(app)["b", "1"] == ("READY", "")
    assert index(app, b'{"ready": true}') == {("b", "1"): ("READY", "")}


def test_a_model_says_that_it_is_ready_once_it_is_loaded(app: App) -> None:
    assert call(app, "GET", f"{A}/ready").json == {"name": "a", "ready": True}
    assert call(app, "GET", f"{A}/versions/1").json["versions"] == ["1"]
    assert index(app)["a", "2"] == index(app)["a", "1"] == ("READY", "")


def test_a_broken_model_answers_503_with_its_reason_and_the_others_answer(app: App, onnx: Onnx) -> None:
    for method, path in (("POST", f"{BROKEN}/infer"), ("GET", f"{BROKEN}/ready"), ("GET", BROKEN)):
        answer = call(app, method, path, infer_body(TABLE))
        assert answer.status == 503
        assert (
            f"model broken, version 1, cannot be served: The package's digest is {onnx[1].digest}"
            in answer.json["error"]
        )
    assert index(app)["broken", "1"][0] == "UNAVAILABLE"
    assert call(app, "POST", f"{A}/infer", infer_body(TABLE)).status == 200


def test_models_are_loaded_and_unloaded_by_the_repository_api(app: App) -> None:
    assert call(app, "POST", "/v2/repository/models/a/load").status == 200
    assert index(app)["a", "1"] == index(app)["a", "2"] == ("READY", "")

    assert call(app, "POST", "/v2/repository/models/a/unload").status == 200
    assert index(app, b'{"ready": true}') == {}

    assert call(app, "POST", "/v2/repository/models/broken/load").status == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/other/infer", 404),
        ("POST", f"{A}/versions/3/infer", 404),
        ("POST", "/v2/repository/models/other/load", 404),
        ("POST", "/invocations", 404),
        ("GET", "/v2/models/a/b/c", 404),
        ("GET", f"{A}/infer", 405),
        ("GET", "/v2/repository/index", 405),
        ("POST", f"{A}/infer", 400),
        ("POST", "/v2/repository/index", 400),
    ],
)
def test_a_refusal_has_its_status_and_an_error(app: App, method: str, path: str, status: int) -> None:
    answer = call(app, method, path, b"{")

    assert (answer.status, list(answer.json)) == (status, ["error"])


def test_before_the_lists_are_read_nothing_is_ready(lists: Path) -> None:
    app = build(settings_of(lists))

    for method, path in (("GET", "/v2/health/ready"), ("GET", f"{A}/ready"), ("POST", "/v2/repository/index")):
        assert call(app, method, path).status == 503
    assert call(app, "GET", "/v2/health/live").status == 200


def test_metrics_count_by_model_and_only_predictions(app: App) -> None:
    call(app, "POST", f"{A}/infer", infer_body(TABLE))
    call(app, "POST", f"{A}/infer", b"{")
    call(app, "POST", f"{BROKEN}/infer", infer_body(TABLE))
    index(app)

    assert value(app, "model_requests_total", model="a", version="2", code="200") == 1
    assert value(app, "model_requests_total", model="a", version="2", code="400") == 1
    assert value(app, "model_requests_total", model="broken", version="1", code="503") == 1
    assert (value(app, "requests_total", code="200"), value(app, "request_seconds_count")) == (1, 3)
    assert (value(app, "models", state="listed"), value(app, "models", state="loaded")) == (4, 1)
    assert (value(app, "loads_total", result="loaded"), value(app, "loads_total", result="failed")) == (1, 1)


def test_a_place_for_packages_that_cannot_be_written_is_told(lists: Path) -> None:
    (lists.parent / "models").write_text("no folder")

    with pytest.raises(PackageError, match=r"cannot be written: .*; set MILLWRIGHT_MODEL_DIR"):
        ready(settings_of(lists))


@contextmanager
def running(lists: Path, **env: str) -> Iterator[Server]:
    unset = dict.fromkeys(("MILLWRIGHT_PACKAGE_URI", "MILLWRIGHT_MODEL_NAME", "MILLWRIGHT_MODEL_VERSION"), "")
    place = {"MILLWRIGHT_MODELS_DIR": str(lists), "MILLWRIGHT_MODEL_DIR": str(lists.parent / "models")}
    server = Server(lists, **unset, **place, **env)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def test_a_server_follows_its_lists(onnx: Onnx, lists: Path) -> None:
    with running(lists) as server:
        server.wait_for(f"{A}/ready", 200)

        listed(lists, entry("c", "1", onnx))
        server.wait_for("/v2/models/c/ready", 200)
        assert server.status(f"{A}/ready") == 404

        (lists / "models.json").write_text("[")
        wait_until(lambda: metric(server, "lists_wrong") == 1)
        assert server.status("/v2/models/c/ready") == 200

        server.process.send_signal(signal.SIGTERM)
        code, lines = server.end()

    assert code == 0
    assert "models.json is not JSON" in next(str(line["error"]) for line in lines if line["level"] == "error")


def metric(server: Server, name: str) -> float:
    return server.samples(name)[f"millwright_serving_{name}"]


def test_wrong_lists_end_a_server_that_starts_with_2_and_a_sentence(lists: Path) -> None:
    (lists / "models.json").write_text("{}")
    with running(lists) as server:
        code, _ = server.end()

    assert code == 2
    assert server.termination_log.read_text() == "models.json must be an array of models."


def test_a_load_that_does_not_end_does_not_keep_a_server_that_leaves(tmp_path: Path) -> None:
    manifest = packages.write(tmp_path / "slow", "pickle", pickle.dumps(SlowToLoad()), packages.BY_MATRIX, None)
    slow = {"name": "slow", "version": "1", "packageURI": str(tmp_path / "slow"), "digest": manifest.digest}
    with running(listed(tmp_path / "lists", slow | {"allowPickle": True}), MILLWRIGHT_DRAIN_SECONDS="1") as server:
        server.wait_for("/v2/health/ready", 200)
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
        client.request("GET", "/v2/models/slow/ready")
        wait_until(lambda: metric(server, "requests_in_flight") == 2)
        client.close()

        server.process.send_signal(signal.SIGTERM)
        code, lines = server.end()

    assert (code, lines[-1]["message"]) == (0, "Ended by SIGTERM while a model was loading.")
