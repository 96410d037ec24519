"""uvicorn's HTTP protocol with a limit to the time that a client takes for its request; uvicorn has none by itself."""

from collections.abc import Iterable
from math import inf
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class TimedProtocol(HttpToolsProtocol):
    """`reading_since`: when its client began to send the request that is not complete yet; inf while there is none.

    The first request of a connection is waited for like one that has begun.
    """

    reading_since = inf

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.reading_since = self.loop.time()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self.reading_since = self.loop.time()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        super().on_message_complete()
        self.reading_since = inf


def close_slow(connections: Iterable[Any], since: float) -> None:
    """Closes those whose request was begun before `since` and is not complete. Requests need no timer so."""
    for connection in [one for one in connections if one.reading_since < since]:
        connection.reading_since = inf
        connection.transport.write(_TOO_SLOW)
        connection.transport.close()
