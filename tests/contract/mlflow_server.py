"""MLflow's own server, out of the runner's environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.contract.processes import free_port, served

ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@contextmanager
def mlflow_server(folder: Path, app: str | None = None, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The URL of a server with an empty database below `folder`, on a free port; `app`: one of MLflow's own others."""
    port = free_port()
    stores = [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"]
    command = [runner_python(), "-m", "mlflow", "server", "--workers=1", f"--port={port}", *stores]
    command += [f"--app-name={app}"] if app else []
    url = f"http://127.0.0.1:{port}"
    with served("MLflow", command, url, {**os.environ, **ENVIRONMENT, **(environment or {})}, folder, seconds=120):
        yield url


def runner_python() -> str:
    """Python of the environment that has MLflow."""
    given = os.environ.get("RUNNER_PYTHON")
    if not given or not Path(given).exists():
        raise AssertionError("RUNNER_PYTHON must name the runner environment's Python; `make test` sets it")
    return given
