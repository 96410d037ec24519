"""Calls of the command line, on fakes, and what they print."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.cli.fakes import FakeCluster, FakeRegistry, flights

from millwright_cli.app import app
from millwright_cli.core.version_facts import Registered
from millwright_cli.ports import Registry
from millwright_cli.session import Ports

GOLDEN = Path(__file__).with_name("golden")


@dataclass
class Terminal:
    """Somebody at a terminal. `waits`: what happens whenever a command waits."""

    cluster: FakeCluster
    registries: Mapping[str, Registry] = field(default_factory=dict)
    waits: Callable[[float], None] = lambda seconds: None

    def call(self, *words: str, code: int = 0, **environment: str) -> Result:
        """`kubectl millwright WORDS`; how it ends is part of the expectation."""
        ports = Ports(lambda context: self.cluster, lambda url: self.registries[url], self.waits)
        done = CliRunner(env=environment).invoke(app, words, obj=ports, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done


@pytest.fixture
def terminal() -> Terminal:
    """On the flights team's namespace, where MLflow is reached by no URL."""
    return Terminal(flights(), {"http://mlflow.example": FakeRegistry(versions())})


def versions() -> dict[str, Registered]:
    """What MLflow has of two versions."""
    seven = Registered(
        {"millwright.digest": "sha256:77", "millwright.format": "onnx", "millwright.dataset.flights": "s3://data/a/"},
        {"max_depth": "6"},
        {"roc_auc": 0.742, "log_loss": 0.5, "system/cpu": 1.0},
        {"millwright.arguments": '{"train_months": "1-3"}', "millwright.pipeline.digest": "sha256:p1"},
    )
    eight = Registered(
        {"millwright.digest": "sha256:88", "millwright.format": "onnx", "millwright.dataset.flights": "s3://data/b/"},
        {"max_depth": "6", "learning_rate": "0.1"},
        {"roc_auc": 0.751, "log_loss": float("nan")},
        {"millwright.arguments": '{"train_months": "1-6"}', "millwright.pipeline.digest": "sha256:p1"},
    )
    return {"flights.arr-delay/7": seven, "flights.arr-delay/8": eight}


def assert_golden(name: str, text: str) -> None:
    """Compares with the file of that name in `golden`, or writes it: UPDATE_GOLDEN=1 pytest tests/cli."""
    file = GOLDEN / f"{name.replace(' ', '-')}.txt"
    plain = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(plain)
    assert plain == file.read_text(), "look at the difference; UPDATE_GOLDEN=1 accepts it"
