"""The real things: a namespace on the local cluster, and an MLflow server of the runner's environment."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.cluster import kubeconfig_path
from tests.contract.kube import own_namespace
from tests.contract.waiting import until

os.environ["KUBECONFIG"] = str(kubeconfig_path())  # the Kubernetes client reads it when it is imported


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """A namespace of this session's own."""
    with own_namespace() as name:
        yield name


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server on a free port."""
    folder = tmp_path_factory.mktemp("mlflow")
    url = f"http://127.0.0.1:{free_port()}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [runner_python(), "-m", "mlflow", "server", "--workers=1", f"--port={url.rsplit(':', 1)[1]}",
             f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
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
