"""What all teams share goes away for a while: that is said, nothing is lost, and it goes on by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from demo.kube import RELEASE_NAMESPACE, kubectl
from tests.e2e.conftest import Team, eventually
from tests.e2e.test_failures import PIPELINE, failed, run_of

pytestmark = pytest.mark.alone
NEVER = [{"metric": "held_out_accuracy", "operator": ">", "threshold": 1}]  # what comes after is not of interest


@contextmanager
def away(deployment: str, namespace: str) -> Iterator[None]:
    """A component has no pod."""
    target = (f"deployment/{deployment}", "-n", namespace)
    kubectl("scale", *target, "--replicas=0")
    kubectl("rollout", "status", *target, "--timeout=60s")
    try:
        yield
    finally:
        kubectl("scale", *target, "--replicas=1")
        kubectl("rollout", "status", *target, "--timeout=180s")


def test_an_mlflow_that_is_away_is_said_and_waited_for() -> None:
    team = Team(f"e2e-away-{int(time.time())}")
    with away("millwright-mlflow", RELEASE_NAMESPACE):
        run_of(team, "away", PIPELINE, gates=NEVER)
        ready = partial(team.condition, "trainingrun", "Ready", "away")
        eventually("it is said", lambda: ready().get("reason") == "MlflowUnavailable")
    assert failed(team, "away")["reason"] == "GatesFailed"
    kubectl("delete", "namespace", team.namespace, "--wait=false")
