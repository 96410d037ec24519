"""What all teams share goes away for a while: that is said, nothing is lost, and it goes on by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from demo.kube import RELEASE_NAMESPACE, kubectl
from tests.e2e.clients import Client
from tests.e2e.conftest import Team, eventually
from tests.e2e.fliers import NAME, Fliers
from tests.e2e.operator import killed
from tests.e2e.test_failures import PIPELINE, failed, run_of

pytestmark = pytest.mark.alone

NEVER = [{"metric": "held_out_accuracy", "operator": ">", "threshold": 1}]  # what comes after is not of interest
STEPS = [{"setWeight": 20}, {"pause": {"seconds": 3}}, {"setWeight": 50}, {"pause": {"seconds": 3}}]


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


@pytest.fixture(scope="module")
def fliers() -> Iterator[Fliers]:
    """Version 1 is served."""
    made = Fliers(f"e2e-frozen-{int(time.time())}")
    made.release_good("1")
    made.deploys(strategy={"type": "Canary", "steps": STEPS})
    eventually("version 1 is served", lambda: made.serves("1", NAME))
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture(scope="module")
def client(fliers: Fliers) -> Iterator[Client]:
    """One who asks all the time, and whose requests are good."""
    with fliers.client([1.0, 0.0], rate=60) as made:
        yield made


@pytest.mark.parametrize(
    ("version", "component", "namespace", "reason"),
    [
        ("2", "prometheus", "monitoring", "PrometheusUnavailable"),
        ("3", "envoy-gateway", "envoy-gateway-system", "RouteNotReady"),
    ],
)
def test_a_rollout_that_cannot_be_seen_or_steered_stands_still_and_goes_on_afterwards(
    fliers: Fliers, client: Client, version: str, component: str, namespace: str, reason: str
) -> None:
    with away(component, namespace):
        fliers.release_good(version)
        told = partial(fliers.condition, "modeldeployment", "Ready", NAME)
        eventually("it is said", lambda: told().get("reason") == reason)
        assert fliers.deployment()["candidate"]["version"] == version
        assert client.answers.by_version[version] == 0
    eventually(f"version {version} is served", lambda: fliers.serves(version, NAME), 300)
    assert not client.answers.failures


def test_an_operator_that_is_killed_at_each_step_goes_on_where_it_was(fliers: Fliers, client: Client) -> None:
    fliers.release_good("4")
    for step in range(len(STEPS)):
        eventually(f"step {step} is reached", partial(is_at, fliers, step))
        killed()
    eventually("version 4 is served", lambda: fliers.serves("4", NAME), 300)
    assert fliers.deployment().get("rejectedVersion") is None
    assert not client.answers.failures


def is_at(team: Fliers, step: int) -> bool:
    """Whether version 4 has come so far, or serves."""
    candidate = team.deployment().get("candidate", {})
    return team.serves("4", NAME) or (candidate.get("version") == "4" and candidate["step"] >= step)
