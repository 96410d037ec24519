"""A load generator that costs little: prepared requests over connections that stay open."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat, takewhile
from math import inf
from typing import Any

import httptools

PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Request:
    """One POST of JSON."""

    port: int
    path: str
    body: bytes

    @property
    def raw(self) -> bytes:
        """As it goes over the wire."""
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


@dataclass
class Load:
    """What came of so many requests. `failures` are answers that are not 200."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    answer: bytes = b""


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete, while there are any left."""

    def __init__(self, left: Iterator[bytes], load: Load) -> None:
        self._left, self._load = left, load
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._load.latencies.append(time.perf_counter() - self._sent)
        self._load.failures += self._parser.get_status_code() != 200
        self._load.answer = self._body
        self._next()

    def _next(self) -> None:
        raw = next(self._left, None)
        if raw is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._parser, self._body = httptools.HttpResponseParser(self), b""
        self._sent = time.perf_counter()
        self._transport.write(raw)


async def send(request: Request, count: int, connections: int, seconds: float = inf) -> Load:
    """The same request so many times, over so many connections at once; after so many seconds there is no next one."""
    end = time.perf_counter() + seconds
    until = takewhile(lambda raw: time.perf_counter() < end, repeat(request.raw, count))
    return await _send(request.port, until, connections)


async def send_in_turn(requests: Sequence[Request]) -> Load:
    """These to one server, one after the other, over one connection."""
    return await _send(requests[0].port, [request.raw for request in requests], 1)


async def _send(port: int, raws: Iterable[bytes], connections: int) -> Load:
    loop, load, left = asyncio.get_running_loop(), Load(), iter(raws)
    began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(left, load), "127.0.0.1", port) for _ in range(connections)
    ]
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(connection.done for _, connection in made))
    load.seconds = time.perf_counter() - began
    return load
