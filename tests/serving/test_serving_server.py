import http.client
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression
from tests.serving import packages

import millwright_serving
from millwright_serving.package import Manifest
from millwright_serving.server import may_leave

Onnx = tuple[Path, Manifest, LogisticRegression]
BODY = json.dumps({"dataframe_split": {"columns": packages.COLUMNS, "data": [[1, 2, 3]]}})
DEADLINE = 30.0


class Server:
    """A real server process on a free port."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.termination_log = folder.parent / "termination-log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        fixed = {
            "PYTHONPATH": str(Path(millwright_serving.__file__).parents[1]),
            "MILLWRIGHT_PACKAGE_URI": str(folder),
            "MILLWRIGHT_MODEL_NAME": "delay",
            "MILLWRIGHT_MODEL_VERSION": "7",
            "MILLWRIGHT_PORT": str(self.port),
            "MILLWRIGHT_DRAIN_MIN": "0.5",
            "MILLWRIGHT_TERMINATION_LOG": str(self.termination_log),
        }
        command = [sys.executable, "-W", "error", "-m", "millwright_serving"]
        self.process = subprocess.Popen(command, env=os.environ | fixed | env, stdout=subprocess.PIPE)

    def status(self, path: str) -> int | None:
        """The status that GET `path` answers with, or None while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    def samples(self, name: str) -> dict[str, float]:
        """The metrics that begin so, with their labels, as a scrape sees them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        found = (line.split() for line in lines if line.startswith(f"millwright_serving_{name}"))
        return {labelled: float(value) for labelled, value in found}

    def wait_for(self, path: str, status: int) -> None:
        wait_until(lambda: self.status(path) == status)

    def end(self) -> tuple[int, list[dict[str, object]]]:
        """The exit code and the log lines, once the process has ended by itself."""
        out, _ = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]


@contextmanager
def running(folder: Path, **env: str) -> Iterator[Server]:
    server = Server(folder, **env)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"


class Client(threading.Thread):
    """Asks for predictions over a keep-alive connection until it is told to go elsewhere."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.leave = threading.Event()
        self.answered = 0
        self.answered_closing = 0
        self.failures: list[str] = []
        self.start()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE)
        while not self.leave.is_set():
            try:
                self._ask(connection)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        connection.request("POST", "/invocations", BODY)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200 or "predictions" not in json.loads(body):
            self.failures.append(f"{response.status} {body!r}")
        self.answered += 1
        self.answered_closing += response.headers["Connection"] == "close"


def test_a_drain_under_load_fails_no_request_and_exits_0(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    with running(folder, MILLWRIGHT_PACKAGE_DIGEST=manifest.digest) as server:
        server.wait_for("/v2/health/ready", 200)
        clients = [Client(server.port) for _ in range(3)]
        wait_until(lambda: all(client.answered > 50 for client in clients))

        server.process.send_signal(signal.SIGTERM)
        server.wait_for("/v2/health/ready", 503)
        wait_until(lambda: all(client.answered_closing > 50 for client in clients))
        for client in clients:
            client.leave.set()
            client.join()

        assert [client.failures for client in clients] == [[], [], []]
        assert server.end()[0] == 0


class SlowToLoad:
    """Takes a minute to unpickle."""

    def __reduce__(self) -> tuple[Callable[[float], None], tuple[float]]:
        return time.sleep, (60.0,)


def test_sigterm_while_the_model_loads_ends_the_process_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    manifest = packages.write(folder, "pickle", pickle.dumps(SlowToLoad()), packages.BY_MATRIX, None)
    with running(folder, MILLWRIGHT_PACKAGE_DIGEST=manifest.digest, MILLWRIGHT_ALLOW_PICKLE="true") as server:
        server.wait_for("/v2/health/live", 200)
        assert server.status("/v2/health/ready") == 503

        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code, lines = server.end()

    assert time.monotonic() - began < 5
    assert code == 0
    assert lines[-1]["message"] == "Ended by SIGTERM while a model was loading."


def test_sigterm_while_the_libraries_are_imported_ends_the_process_at_once(onnx: Onnx, tmp_path: Path) -> None:
    slow = tmp_path / "libraries"
    slow.mkdir()
    (slow / "uvicorn.py").write_text("import time; print('{}', flush=True); time.sleep(60)")
    path = os.pathsep.join([str(slow), str(Path(millwright_serving.__file__).parents[1])])
    with running(onnx[0], PYTHONPATH=path) as server:
        assert server.process.stdout is not None and server.process.stdout.readline() == b"{}\n"
        server.process.send_signal(signal.SIGTERM)
        code, _ = server.end()

    assert code == 0


def test_an_access_log_has_a_json_line_for_each_request(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    env = {"MILLWRIGHT_PACKAGE_DIGEST": manifest.digest, "MILLWRIGHT_ACCESS_LOG": "true"}
    with running(folder, MILLWRIGHT_DRAIN_SECONDS="0", **env) as server:
        server.wait_for("/v2/health/ready", 200)
        server.process.send_signal(signal.SIGTERM)
        code, lines = server.end()

    requests = [line for line in lines if line["logger"] == "millwright_serving.access"]
    assert code == 0
    assert {"method": "GET", "path": "/v2/health/ready", "code": 200}.items() <= requests[-1].items()


def test_a_digest_that_does_not_match_ends_with_3_and_a_sentence(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    (folder / "model.onnx").write_bytes(b"something else")
    with running(folder, MILLWRIGHT_PACKAGE_DIGEST=manifest.digest) as server:
        code, _ = server.end()

    assert code == 3
    message = server.termination_log.read_text()
    assert manifest.digest in message and "was not loaded" in message


def test_a_model_that_fails_on_its_own_sample_ends_with_1(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    model = (folder / "model.onnx").read_bytes()
    other = {"dataframe_split": {"columns": ["other"], "data": [[1]]}, "predictions": [1]}
    manifest = packages.write(folder, "onnx", model, manifest.signature, other)
    with running(folder, MILLWRIGHT_PACKAGE_DIGEST=manifest.digest) as server:
        code, _ = server.end()

    assert code == 1
    assert "fails on its own sample" in server.termination_log.read_text()


def test_a_model_that_says_something_else_than_the_one_evaluated_ends_with_4_and_a_sentence(onnx: Onnx) -> None:
    folder, manifest, original = onnx
    sample = packages.sample(original, list(packages.COLUMNS)) | {"predictions": [7] * 5}
    manifest = packages.write(folder, "onnx", (folder / "model.onnx").read_bytes(), manifest.signature, sample)
    with running(folder, MILLWRIGHT_PACKAGE_DIGEST=manifest.digest) as server:
        code, _ = server.end()

    assert code == 4
    assert "does not answer as the one that was evaluated: label differs" in server.termination_log.read_text()


def test_a_wrong_environment_ends_with_2_and_a_sentence(onnx: Onnx) -> None:
    with running(onnx[0], MILLWRIGHT_PACKAGE_DIGEST="") as server:
        code, lines = server.end()

    assert code == 2
    assert server.termination_log.read_text() == "MILLWRIGHT_PACKAGE_DIGEST must be set."
    assert lines[-1]["message"] == "MILLWRIGHT_PACKAGE_DIGEST must be set."


@pytest.mark.parametrize(
    ("elapsed", "idle", "in_flight", "leaves"),
    [
        (4.9, 60.0, 0, False),  # quiet, but the proxies may not know yet
        (5.0, 2.9, 0, False),  # somebody was here a moment ago
        (5.0, 3.0, 0, True),
        (9.0, 9.0, 1, False),  # still answering
        (14.9, 0.0, 1, False),
        (15.0, 0.0, 0, True),  # the time is over, though somebody still comes
        (15.0, 0.0, 1, True),  # the same; what is in flight is waited for elsewhere
    ],
)
def test_a_server_leaves_when_it_is_idle_or_its_time_is_over(
    elapsed: float, idle: float, in_flight: int, leaves: bool
) -> None:
    assert may_leave(elapsed, idle, in_flight, least=5.0, most=15.0) is leaves
