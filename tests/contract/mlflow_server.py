"""MLflow's own server, out of the runner's environment."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.contract.waiting import until

ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The URL of a server with an empty database below `folder`, on a free port."""
    port = free_port()
    stores = [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"]
    command = [runner_python(), "-m", "mlflow", "server", "--workers=1", f"--port={port}", *stores]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | ENVIRONMENT, cwd=folder, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            asyncio.run(until(lambda: _answers(url, server), f"MLflow (see {folder}/log)", 120))
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


async def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "the MLflow server ended at once"
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{url}/health")).is_success
    except httpx.HTTPError:
        return False


def runner_python() -> str:
    """Python of the environment that has MLflow."""
    given = os.environ.get("RUNNER_PYTHON")
    if not given or not Path(given).exists():
        raise AssertionError("RUNNER_PYTHON must name the runner environment's Python; `make test` sets it")
    return given


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
