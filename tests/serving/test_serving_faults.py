"""What clients do to a server, by mistake or not; the others go on being answered."""

import http.client
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.serving import packages
from tests.serving.test_serving_server import BODY, DEADLINE, Server, running, wait_until

HEAD = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
GIB = 2**30
CONNECTIONS = 10_000
MOST_BYTES_PER_CONNECTION = 16 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that gives a client a second for its request."""
    with _serving(tmp_path_factory.mktemp("model") / "package", "1") as server:
        yield server


@contextmanager
def _serving(folder: Path, request_seconds: str, **more: str) -> Iterator[Server]:
    manifest, _ = packages.onnx_package(folder)
    env = {"MILLWRIGHT_PACKAGE_DIGEST": manifest.digest, "MILLWRIGHT_REQUEST_SECONDS": request_seconds}
    with running(folder, **env, **more) as server:
        server.wait_for("/v2/health/ready", 200)
        yield server


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)


def predict(server: Server) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    try:
        connection.request("POST", "/invocations", BODY)
        response = connection.getresponse()
        assert json.loads(response.read())["predictions"]
        return response.status
    finally:
        connection.close()


def metric(server: Server, name: str) -> float:
    return sum(server.samples(name).values())


def read_all(client: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    found = b""
    while chunk := client.recv(65536):
        found += chunk
    return found


def resident_bytes(server: Server) -> int:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_client_that_sends_half_a_body_and_goes_leaves_nothing_behind(server: Server) -> None:
    answered = metric(server, "requests_total")
    with connect(server) as client:
        client.sendall(HEAD + b"content-length: 1000\r\n\r\n" + b'{"dataframe_split"')
        wait_until(lambda: metric(server, "requests_in_flight") == 2)

    wait_until(lambda: metric(server, "requests_in_flight") == 1)  # the scrape itself
    assert metric(server, "requests_total") == answered
    assert predict(server) == 200


def test_a_body_of_a_gibibyte_is_refused_without_being_read(server: Server) -> None:
    before = resident_bytes(server)
    with connect(server) as client:
        client.sendall(HEAD + b"content-length: %d\r\n\r\n" % GIB + b" " * 1000)
        answer = read_all(client)

    assert answer.startswith(b"HTTP/1.1 413 ") and b"the body has over 16777216 bytes" in answer
    assert resident_bytes(server) - before < 2**20
    assert predict(server) == 200


def test_a_body_of_unknown_length_is_refused_at_the_limit(server: Server) -> None:
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    sent = 0
    with connect(server) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        try:
            while sent < GIB:
                client.sendall(chunk)
                sent += 2**20
        except OSError:
            pass  # the server doesn't read on
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")

    assert sent < 64 * 2**20
    assert predict(server) == 200


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /invocations HT", HEAD + b"content-length: 1000\r\n\r\n" + b'{"d'],
    ids=["nothing", "headers", "a body"],
)
def test_a_client_that_is_too_slow_with_its_request_is_told_and_closed(server: Server, begun: bytes) -> None:
    began = time.monotonic()
    with connect(server) as client:
        client.sendall(begun)
        answer = read_all(client)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began >= 1.0


def test_bytes_that_trickle_do_not_put_the_end_off(server: Server) -> None:
    with connect(server) as client:
        client.settimeout(0.1)
        client.sendall(HEAD + b"x-slow: ")
        wait_until(lambda: bool(answer := trickle(client)) and answer.startswith(b"HTTP/1.1 408 "))


def trickle(client: socket.socket) -> bytes:
    """Sends one more byte of a header; what the server says to that."""
    try:
        client.sendall(b"a")
        return client.recv(100)
    except TimeoutError:
        return b""


def test_a_connection_that_waits_between_requests_stays_open(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    connection.request("POST", "/invocations", BODY)
    connection.getresponse().read()
    first = connection.sock
    with connect(server) as slow:
        read_all(slow)  # by now the first one has waited longer than a request may take

    connection.request("POST", "/invocations", BODY)

    assert connection.getresponse().status == 200
    assert connection.sock is first
    connection.close()


def test_a_body_that_never_comes_does_not_keep_a_server_from_leaving(tmp_path: Path) -> None:
    with _serving(tmp_path / "package", "600", MILLWRIGHT_DRAIN_SECONDS="0") as server, connect(server) as client:
        client.sendall(HEAD + b"content-length: 1000\r\n\r\n" + b'{"d')
        wait_until(lambda: metric(server, "requests_in_flight") == 2)

        server.process.send_signal(signal.SIGTERM)

        assert server.end()[0] == 0


def test_ten_thousand_connections_take_little_memory_and_the_others_are_answered(tmp_path: Path) -> None:
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(CONNECTIONS, most - 200) if most != resource.RLIM_INFINITY else CONNECTIONS
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        with _serving(tmp_path / "package", "600") as server, ExitStack() as stack:
            assert predict(server) == 200
            before = resident_bytes(server)
            clients = [stack.enter_context(connect(server)) for _ in range(count)]
            for client in clients:
                client.sendall(b"GET /v2/health/live HTTP/1.1\r\nhost: ")
            wait_until(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) > count)

            assert predict(server) == 200
            assert resident_bytes(server) - before < count * MOST_BYTES_PER_CONNECTION
            clients[-1].sendall(b"x\r\n\r\n")
            assert clients[-1].recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
