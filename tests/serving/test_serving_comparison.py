import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from tests.serving import packages
from tests.serving.test_serving_app import MODEL, Answer, call, infer_body, ready, settings_of, split_body
from tests.serving.test_serving_server import wait_until

from millwright_serving import comparison
from millwright_serving.app import App
from millwright_serving.bounded import BoundedQueue
from millwright_serving.package import Manifest
from millwright_serving.settings import Comparison

Onnx = tuple[Path, Manifest, LogisticRegression]
MIRROR = 8081
TABLE = packages.rows(2, seed=4)


class Champion(ThreadingHTTPServer):
    """The version that has the traffic; answers by `answer`, and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[tuple[str, bytes, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Champion

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, body, self.headers["x-millwright-compare"]))
        answer = self.server.answer(body.decode())
        self.send_response(answer.status)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def champion(answer: Callable[[str], Answer]) -> Iterator[Champion]:
    server = Champion(answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(status: int, body: Any) -> Callable[[str], Answer]:
    sent: list[dict[str, Any]] = [{"status": status, "headers": []}, {"body": json.dumps(body).encode()}]
    return lambda _asked: Answer(sent)


def shadow(onnx: Onnx, url: str) -> App:
    app = ready(replace(settings_of(*onnx[:2]), comparison=Comparison(url)))
    return app


def value(app: App, name: str, **labels: str) -> float | None:
    return app.observer.metrics.registry.get_sample_value(f"millwright_serving_{name}", labels)


def compared(app: App, result: str) -> float | None:
    return value(app, "compared_total", result=result)


def test_a_mirrored_request_is_put_to_the_champion_too_and_the_answers_compared(onnx: Onnx) -> None:
    same = ready(settings_of(*onnx[:2]))
    answer = lambda asked: call(same, "POST", "/invocations", asked.encode(), headers=(comparison.ASKING,))  # noqa: E731
    with champion(answer) as server:
        app = shadow(onnx, server.url)
        body = split_body(TABLE)

        call(app, "POST", "/invocations", body, port=MIRROR)

        wait_until(lambda: compared(app, "agree") == 1)
        assert server.asked == [("/invocations", body, "1")]
    assert value(app, "requests_total", code="200") == 1
    assert (value(same, "requests_total", code="200"), value(same, "predictions_count", **{"class": "1"})) == (0, 0)


def test_a_champion_that_says_something_else_disagrees(onnx: Onnx) -> None:
    with champion(answering(200, {"predictions": [7, 7]})) as server:
        app = shadow(onnx, server.url)

        call(app, "POST", "/invocations", split_body(TABLE), port=MIRROR)

        wait_until(lambda: compared(app, "disagree") == 1)


@pytest.mark.parametrize("answer", [answering(500, {"error": "x"}), answering(200, [])])
def test_an_answer_that_is_none_is_a_failed_comparison(onnx: Onnx, answer: Callable[[str], Answer]) -> None:
    with champion(answer) as server:
        app = shadow(onnx, server.url)

        call(app, "POST", f"{MODEL}/infer", infer_body(TABLE), port=MIRROR)

        wait_until(lambda: compared(app, "failed") == 1)


def test_a_champion_that_is_away_fails_comparisons_and_is_asked_again_when_it_is_back(
    onnx: Onnx, caplog: pytest.LogCaptureFixture
) -> None:
    with champion(answering(200, {"predictions": [7, 7]})) as server:
        app, url = shadow(onnx, server.url), server.url
    for count in (1, 2):
        call(app, "POST", "/invocations", split_body(TABLE), port=MIRROR)
        wait_until(lambda count=count: compared(app, "failed") == count)  # type: ignore[misc]

    assert [record.message for record in caplog.records] == ["Mirrored requests cannot be compared."]
    assert caplog.records[0].__dict__["fields"]["url"] == url


@pytest.mark.parametrize(
    ("path", "body", "port"),
    [
        ("/invocations", split_body(TABLE), 8080),
        ("/invocations", b"{", MIRROR),
        ("/nothing", b"{}", MIRROR),
    ],
    ids=["traffic of its own", "a client's mistake", "another path"],
)
def test_nothing_else_is_compared(onnx: Onnx, path: str, body: bytes, port: int) -> None:
    with champion(answering(200, {"predictions": [7, 7]})) as server:
        app = shadow(onnx, server.url)

        call(app, "POST", path, body, port=port)
        call(app, "POST", "/invocations", split_body(TABLE), port=MIRROR)

        wait_until(lambda: compared(app, "disagree") == 1)
        assert len(server.asked) == 1


def test_what_comes_faster_than_it_can_be_asked_is_dropped_and_counted(
    onnx: Onnx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST_WAITING", 2)
    held = threading.Event()

    def slowly(asked: str) -> Answer:
        held.wait()
        return answering(200, {"predictions": [7, 7]})(asked)

    with champion(slowly) as server:
        app = shadow(onnx, server.url)
        call(app, "POST", "/invocations", split_body(TABLE), port=MIRROR)
        wait_until(lambda: len(server.asked) == 1)

        for _ in range(5):
            assert call(app, "POST", "/invocations", split_body(TABLE), port=MIRROR).status == 200

        assert value(app, "comparisons_dropped_total") == 3
        held.set()
        wait_until(lambda: compared(app, "disagree") == 3)


def test_a_queue_is_bounded_by_items_and_by_bytes() -> None:
    queue: BoundedQueue[str] = BoundedQueue(most_items=2, most_bytes=10)

    assert [queue.offer("a", 6), queue.offer("b", 5), queue.offer("c", 4), queue.offer("d", 0)] == [
        True, False, True, False,
    ]  # fmt: skip
    assert (queue.take(), queue.take(), queue.take(timeout=0.0)) == ("a", "c", None)
    assert queue.offer("e", 10)
