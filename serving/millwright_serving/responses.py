"""Bodies in and out of ASGI messages."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson

from millwright_serving.errors import RequestError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"


class ClientGone(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


@dataclass(slots=True)
class Response:
    """`rows` is how many rows were predicted, for the metrics; `asked` the body of a request that got a prediction.

    `headers` are those that not every answer has. `is_json`: neither it nor the request has bytes behind.
    """

    status: int
    body: bytes
    content_type: bytes = JSON
    rows: int = 0
    asked: bytes = b""
    headers: tuple[Header, ...] = ()
    is_json: bool = True


def json_response(value: Any) -> Response:
    return Response(200, orjson.dumps(value))


def error_response(error: RequestError) -> Response:
    return Response(error.status, orjson.dumps({"error": error.message}))


async def read_body(receive: Receive, headers: list[Header], limit: int) -> bytes:
    """The whole body. Raises RequestError (413) when it has over `limit` bytes, before they are all read."""
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        return _within(limit, message["body"])
    announced = dict(headers).get(b"content-length", b"0")
    _check_size(int(announced), limit)
    return await _read_chunks(receive, message, limit)


async def _read_chunks(receive: Receive, message: Message, limit: int) -> bytes:
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise ClientGone
        body += message["body"]
        _check_size(len(body), limit)
        if not message["more_body"]:
            return bytes(body)
        message = await receive()


def _within(limit: int, body: bytes) -> bytes:
    _check_size(len(body), limit)
    return body


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise RequestError(413, f"the body has over {limit} bytes")
