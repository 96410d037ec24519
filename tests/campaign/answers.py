"""Answers of a proxy, and their absence."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

NOT_PASSED = {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"}


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in NOT_PASSED}


def cut(request: web.Request) -> web.Response:
    """No answer, and the connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def never(request: web.Request) -> web.Response:
    """No answer, and the connection stays until the client gives up."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 (aiohttp has no event)
        await asyncio.sleep(0.1)
    return web.Response()


def refusal(status: int) -> web.Response:
    """As Kubernetes words it; the others' clients look at the status only."""
    reason = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}
    text = f"injected {status}"
    answer = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason[status], "message": text}
    headers = {"Retry-After": "1"} if status == 429 else {}
    return web.json_response(answer | {"code": status}, status=status, headers=headers)
