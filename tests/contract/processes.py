"""Servers that the suite starts as processes of its own."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.contract.waiting import until


@contextmanager
def served(
    name: str,
    command: Sequence[str | Path],
    url: str,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float,
    health: str = "health",
) -> Iterator[None]:
    """The server while its `health` answers; it has so many seconds to begin. Its log and its work are in `folder`."""
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            asyncio.run(until(lambda: _answers(f"{url}/{health}", server, name), f"{name} (see {folder}/log)", seconds))
            yield
        finally:
            server.terminate()
            server.wait(timeout=30)


async def _answers(url: str, server: subprocess.Popen[bytes], name: str) -> bool:
    assert server.poll() is None, f"{name} ended at once"
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(url)).is_success
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
