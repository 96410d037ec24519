"""The runner's tests; run with the runner-dev environment: `pytest tests/pipelines`."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [str(ROOT / "pipelines"), str(ROOT / "serving")]
sys.path[:0] = SOURCES
os.environ["PYTHONPATH"] = os.pathsep.join(SOURCES)  # for the processes that the tests start
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def pytest_configure(config: pytest.Config) -> None:
    """Our own warnings are errors; deprecations inside kfp, MLflow and their dependencies are theirs to mend."""
    config.addinivalue_line("filterwarnings", "error")
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")
    config.addinivalue_line("filterwarnings", "ignore::FutureWarning")
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
