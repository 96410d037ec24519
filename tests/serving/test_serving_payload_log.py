import http.client
import random
import re
import signal
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.io import read_parquet
from sklearn.linear_model import LogisticRegression
from tests.serving import packages
from tests.serving.test_serving_app import MODEL, Answer, call, infer_body, ready, settings_of, split_body
from tests.serving.test_serving_server import BODY, DEADLINE, running

from millwright_serving import payload_log
from millwright_serving.app import App
from millwright_serving.bounded import BoundedQueue
from millwright_serving.comparison import ASKING
from millwright_serving.log_files import Prediction, parquet
from millwright_serving.package import Manifest
from millwright_serving.settings import PayloadLogging

Onnx = tuple[Path, Manifest, LogisticRegression]
TABLE = packages.rows(2, seed=6)


def read(content: bytes) -> dict[str, list[Any]]:
    """A file's columns by name."""
    table = read_parquet(BytesIO(content)).read_all()
    return {name: [table[name][row].as_py() for row in range(table.num_rows)] for name in table.column_names}


def logged(folder: Path) -> dict[str, list[Any]]:
    (file,) = folder.rglob("*.parquet")
    return read(file.read_bytes())


@pytest.fixture
def app(onnx: Onnx, tmp_path: Path) -> App:
    return logging_app(onnx, tmp_path / "log")


def logging_app(onnx: Onnx, uri: Path, sample: float = 1.0) -> App:
    app = ready(replace(settings_of(*onnx[:2]), payload_logging=PayloadLogging(sample, str(uri))))
    return app


def ask(app: App, *headers: tuple[bytes, bytes]) -> Answer:
    return call(app, "POST", "/invocations", split_body(TABLE), headers=headers)


def count(app: App, name: str) -> float | None:
    return app.observer.metrics.registry.get_sample_value(f"millwright_serving_{name}_total")


def test_each_predicted_row_is_logged_with_what_it_was_made_of(app: App, onnx: Onnx, tmp_path: Path) -> None:
    answer = call(app, "POST", f"{MODEL}/infer", infer_body(TABLE), headers=((b"x-request-id", b"r-1"),))

    app.observer.close()

    columns = logged(tmp_path / "log/delay/7")
    assert answer.headers["x-request-id"] == "r-1"
    assert columns["request_id"] == ["r-1", "r-1"] and columns["row"] == [0, 1]
    assert (columns["model"][0], columns["version"][0], columns["digest"][0]) == ("delay", "7", onnx[1].digest)
    for index, name in enumerate(packages.COLUMNS):
        assert columns[f"input.{name}"] == TABLE[:, index].tolist()
    np.testing.assert_allclose(columns["output.probabilities"], onnx[2].predict_proba(TABLE), atol=1e-6, rtol=0)
    assert columns["output.label"] == onnx[2].predict(TABLE).tolist()
    assert count(app, "logged") == 1


def test_a_request_without_an_id_gets_one(app: App, tmp_path: Path) -> None:
    answer = ask(app)

    app.observer.close()

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert set(logged(tmp_path / "log")["request_id"]) == {answer.headers["x-request-id"]}


def test_what_was_not_predicted_is_not_logged(app: App, tmp_path: Path) -> None:
    ask(app, ASKING)
    call(app, "POST", "/invocations", b"{")

    app.observer.close()

    assert not (tmp_path / "log").exists()


def test_a_share_of_the_requests_is_logged(onnx: Onnx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", iter([0.2, 0.3, 0.1, 0.9]).__next__)
    app = logging_app(onnx, tmp_path / "log", sample=0.25)
    for number in range(4):
        assert ask(app, (b"x-request-id", b"%d" % number)).headers["x-request-id"] == str(number)

    app.observer.close()

    assert logged(tmp_path / "log")["request_id"] == ["0", "0", "2", "2"]


def test_without_it_no_id_is_given(onnx: Onnx) -> None:
    app = ready(settings_of(*onnx[:2]))

    assert "x-request-id" not in ask(app).headers


def test_requests_that_cannot_be_written_are_counted_and_told(
    onnx: Onnx, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "log").write_text("no folder")
    app = logging_app(onnx, tmp_path / "log")
    assert ask(app).status == 200

    app.observer.close()

    assert count(app, "log_dropped") == 1
    assert [record.message for record in caplog.records] == ["The payload log lost requests."]


def test_what_comes_faster_than_it_can_be_written_is_dropped(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    too_large = app.observer._payload_log
    assert too_large is not None
    monkeypatch.setattr(too_large, "_queue", BoundedQueue(most_items=10, most_bytes=10))

    assert ask(app).status == 200

    assert count(app, "log_dropped") == 1


@pytest.mark.parametrize(("name", "most"), [("FILE_ROWS", 2), ("FILE_BYTES", 10), ("FILE_SECONDS", 0.0)])
def test_a_file_is_written_when_it_is_full_or_old(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: float
) -> None:
    monkeypatch.setattr(payload_log, name, most)

    for _ in range(3):
        ask(app)
    app.observer.close()

    assert count(app, "logged") == 3
    assert len(list((tmp_path / "log").rglob("*.parquet"))) == 3


def test_columns_have_the_types_of_the_signature() -> None:
    inputs = {
        "n": np.array([1, 2], dtype=np.uint64),
        "word": np.array(["", "Zürich"], dtype=np.object_),
        "flag": np.array([True, False]),
        "matrix": np.array([[1.0, np.nan], [3.0, 4.0]]),
    }
    one = Prediction("a", 1_000_000, 2, inputs, {"y": np.array([0.5, 1.0], dtype=np.float32)}, 0)

    columns = read(parquet([one, one._replace(request_id="b")], {"model": "m"}))

    assert columns["request_id"] == ["a", "a", "b", "b"]
    assert columns["time"][0].isoformat() == "1970-01-01T00:00:01+00:00"
    assert columns["input.n"] == [1, 2, 1, 2] and columns["input.word"] == ["", "Zürich"] * 2
    assert columns["input.flag"] == [True, False] * 2 and columns["output.y"] == [0.5, 1.0] * 2
    assert np.isnan(columns["input.matrix"][0][1]) and columns["input.matrix"][1] == [3.0, 4.0]


def test_a_server_that_is_ended_writes_what_waits(onnx: Onnx, tmp_path: Path) -> None:
    folder, manifest, _ = onnx
    env = {"MILLWRIGHT_LOG_SAMPLE": "1", "MILLWRIGHT_LOG_URI": str(tmp_path / "log"), "MILLWRIGHT_DRAIN_SECONDS": "0"}
    with running(folder, MILLWRIGHT_PACKAGE_DIGEST=manifest.digest, **env) as server:
        server.wait_for("/v2/health/ready", 200)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
        connection.request("POST", "/invocations", BODY)
        assert connection.getresponse().status == 200
        connection.close()

        server.process.send_signal(signal.SIGTERM)
        code, _ = server.end()

    assert code == 0
    assert logged(tmp_path / "log")["row"] == [0]
