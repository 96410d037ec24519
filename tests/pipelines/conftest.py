"""The runner's tests; run with the runner-dev environment: `pytest tests/pipelines`."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [str(ROOT / "pipelines"), str(ROOT / "serving")]
sys.path[:0] = [*SOURCES, str(Path(__file__).parent)]  # `tiny`, whatever the import mode
os.environ["PYTHONPATH"] = os.pathsep.join(SOURCES)  # for the processes that the tests start
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def pytest_configure(config: pytest.Config) -> None:
    """Our own warnings are errors; deprecations inside kfp, MLflow and their dependencies are theirs to mend."""
    config.addinivalue_line("filterwarnings", "error")
    # pyproject.toml also configures plugins that only the other environment has.
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestConfigWarning")
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")
    config.addinivalue_line("filterwarnings", "ignore::FutureWarning")
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
    config.addinivalue_line(
        "filterwarnings", "ignore:.*(Any type hint is|Add type hints):UserWarning"
    )  # at MLflow's import


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory) -> bytes:
    """An empty MLflow database, made once: its migrations take seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path.read_bytes()


@pytest.fixture
def run(tmp_path, mlflow_database, monkeypatch):
    """A fresh MLflow run; the experiment's artifacts are files."""
    import mlflow
    from mlflow import MlflowClient

    (tmp_path / "mlflow.db").write_bytes(mlflow_database)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("flights/arr-delay", str(tmp_path / "artifacts")))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    mlflow.set_tracking_uri(uri)
    yield run.info.run_id
    mlflow.set_tracking_uri(None)  # MLflow remembers it for the process, before what the environment says


@pytest.fixture(scope="module")
def table():
    """Flights, made up, some of a distance that nobody knows."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "distance": random.normal(size=2000),
            "age": random.normal(size=2000),
            "hour": random.integers(0, 24, 2000),
            "carrier": random.choice(["AA", "DL", "UA"], 2000),
        }
    )
    table.loc[random.random(2000) < 0.2, "distance"] = np.nan
    return table


@pytest.fixture(scope="module")
def late(table):
    """Which of them are late."""
    return ((table.hour > 12) ^ (table.carrier == "AA") ^ (table.distance > 0.5)).astype(int)
