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


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory) -> bytes:
    """An empty MLflow database, made once: its migrations take seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path.read_bytes()
