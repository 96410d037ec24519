"""uvicorn's HTTP protocol with a limit to the time that a client takes for its request, and an answer in one write."""

from collections.abc import Iterable
from math import inf
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONTINUE = b"HTTP/1.1 100 "
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class AnswerAtOnce:
    """A transport that is written to when the answer is complete.

    uvicorn writes the head, then the body: that would be two system calls, two packets, and a client woken for nothing.
    """

    __slots__ = ("_kept", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._kept = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, part: bytes) -> None:
        """Kept until `flush`, but for what a client waits for before it sends its body."""
        self._kept += part
        if part.startswith(_CONTINUE):
            self.flush()

    def flush(self) -> None:
        """The answer is complete."""
        if self._kept:
            self._transport.write(self._kept)
            self._kept = b""

    def close(self) -> None:
        """After what was written."""
        self.flush()
        self._transport.close()


class TimedProtocol(HttpToolsProtocol):
    """`reading_since`: when its client began to send the request that is not complete yet; inf while there is none.

    The first request of a connection is waited for like one that has begun.
    """

    reading_since = inf

    def connection_made(self, transport: Any) -> None:
        super().connection_made(AnswerAtOnce(transport))  # type: ignore[arg-type]
        self.reading_since = self.loop.time()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self.reading_since = self.loop.time()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        super().on_message_complete()
        self.reading_since = inf

    def on_response_complete(self) -> None:
        """Called when the body was written."""
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()


def close_slow(connections: Iterable[Any], since: float) -> None:
    """Closes those whose request was begun before `since` and is not complete. Requests need no timer so."""
    for connection in [one for one in connections if one.reading_since < since]:
        connection.reading_since = inf
        connection.transport.write(_TOO_SLOW)
        connection.transport.close()
