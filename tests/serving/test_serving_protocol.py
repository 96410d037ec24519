"""What goes over the wire, and in how many writes."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from millwright_serving.protocol import TimedProtocol
from millwright_serving.responses import Receive, Send, read_body

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n"
CLOSED = b"closed"
PATIENCE_SECONDS = 5.0


class Transport(asyncio.Transport):
    """One queue entry for each write, and one for the end."""

    def __init__(self) -> None:
        super().__init__()
        self._written: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = False

    def write(self, data: Any) -> None:
        self._written.put_nowait(bytes(data))

    def close(self) -> None:
        self._closed = True
        self.write(CLOSED)

    def is_closing(self) -> bool:
        return self._closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._written.get()


async def echo(scope: Any, receive: Receive, send: Send) -> None:
    """Answers with the body that it was asked with."""
    body = await read_body(receive, scope["headers"], 100)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def transport() -> Transport:
    return Transport()


@pytest.fixture
async def protocol(transport: Transport) -> TimedProtocol:
    config = uvicorn.Config(echo, http=TimedProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    protocol = TimedProtocol(config, ServerState(), {})
    protocol.connection_made(transport)
    return protocol


async def test_an_answer_is_one_write(protocol: TimedProtocol, transport: Transport) -> None:
    protocol.data_received(HEAD + b"\r\nbody")

    answer = await transport.next()

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nbody")


async def test_answers_come_in_the_order_of_requests_that_came_together(
    protocol: TimedProtocol, transport: Transport
) -> None:
    protocol.data_received(HEAD + b"\r\none." + HEAD + b"\r\ntwo.")

    answers = [await transport.next() for _ in range(2)]

    assert [answer[-4:] for answer in answers] == [b"one.", b"two."]


async def test_a_client_that_asks_before_it_sends_its_body_is_told_to_send_it(
    protocol: TimedProtocol, transport: Transport
) -> None:
    protocol.data_received(HEAD + b"expect: 100-continue\r\n\r\n")
    assert await transport.next() == b"HTTP/1.1 100 Continue\r\n\r\n"

    protocol.data_received(b"body")

    assert (await transport.next()).endswith(b"\r\n\r\nbody")


async def test_an_answer_without_a_body_is_written_too(protocol: TimedProtocol, transport: Transport) -> None:
    protocol.data_received(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")

    assert (await transport.next()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_the_last_answer_is_written_before_its_connection_is_closed(
    protocol: TimedProtocol, transport: Transport
) -> None:
    protocol.data_received(HEAD + b"connection: close\r\n\r\nbody")

    assert (await transport.next()).endswith(b"\r\n\r\nbody")
    assert await transport.next() == CLOSED


async def test_a_client_that_sends_no_http_is_told_before_it_is_closed(
    protocol: TimedProtocol, transport: Transport
) -> None:
    protocol.data_received(b"hello\r\n\r\n")

    assert (await transport.next()).startswith(b"HTTP/1.1 400 ")
    assert await transport.next() == CLOSED
