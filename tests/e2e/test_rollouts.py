"""Roll-outs that cannot hurt, on the real Gateway and Prometheus: good versions get all traffic, bad ones lose it.

Clients ask all the time, from the first version to the last; what good clients ask is never answered with an error.
"""

import time
from collections.abc import Iterator

import pytest
from demo.kube import kubectl
from tests.e2e.clients import Client, body
from tests.e2e.conftest import eventually
from tests.e2e.fliers import ERRORS, NAME, Fliers
from tests.e2e.test_import import COEFFICIENTS, COLUMNS, INTERCEPT
from tests.serving import onnx_bytes

pytestmark = pytest.mark.apart

GOOD_ROW, BRITTLE_ROW = [1.0, 0.0], [7.0, 0.0]
SECONDS_TO_ROLL_BACK = 30


@pytest.fixture(scope="module")
def fliers() -> Iterator[Fliers]:
    made = Fliers(f"e2e-rollouts-{int(time.time())}")
    made.release_good("1")
    made.deploys()
    eventually("version 1 is served", lambda: made.serves("1", NAME))
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture(scope="module")
def good_client(fliers: Fliers) -> Iterator[Client]:
    with fliers.client(GOOD_ROW, rate=60) as client:
        yield client


def exposed(team: Fliers, version: str) -> float:
    """When a candidate got its first share, by this machine's clock."""

    def has_share() -> bool:
        candidate = team.deployment().get("candidate", {})
        return candidate.get("version") == version and bool(candidate.get("exposedSince"))

    eventually(f"version {version} gets requests", has_share)
    return time.monotonic()


def test_a_good_version_gets_its_shares_and_then_all(fliers: Fliers, good_client: Client) -> None:
    fliers.release_good("2")
    exposed(fliers, "2")
    eventually("version 2 is served", lambda: fliers.serves("2", NAME), 300)
    assert good_client.answers.by_version["2"] > 0
    assert not good_client.answers.failures


def test_what_serves_needs_its_package_no_more(fliers: Fliers, good_client: Client) -> None:
    """From here on, what is rolled back to has none."""
    fliers.remove(fliers.deployment()["stable"]["packageURI"])
    answered = good_client.answers.by_version["2"]
    eventually("version 2 goes on answering", lambda: good_client.answers.by_version["2"] > answered + 100)
    assert not good_client.answers.failures


def test_a_version_that_fails_some_requests_is_taken_back(fliers: Fliers, good_client: Client) -> None:
    fliers.release("3", onnx_bytes.brittle_classifier(COLUMNS, COEFFICIENTS, INTERCEPT))
    with fliers.client(BRITTLE_ROW, rate=30):
        began = exposed(fliers, "3")
        rejected = eventually("version 3 is rejected", lambda: fliers.rejected("3"), 90)
        took = time.monotonic() - began
    assert rejected["verdict"] == "AnalysisFailed" and "requests failed" in rejected["message"]
    assert took < SECONDS_TO_ROLL_BACK
    assert fliers.deployment()["stable"]["version"] == "2"
    degraded = fliers.condition("modeldeployment", "Degraded", NAME)
    assert (degraded["status"], degraded["reason"]) == ("True", "AnalysisFailed")
    assert not good_client.answers.failures


def test_a_version_that_answers_otherwise_is_found_by_mirrored_requests(fliers: Fliers, good_client: Client) -> None:
    steps = [{"mirror": 100}, {"analysis": {}}, {"setWeight": 50}, {"pause": {"seconds": 5}}]
    metrics = [ERRORS, {"name": "agreement", "min": 0.9}]
    fliers.deploys(
        strategy={"type": "Canary", "steps": steps},
        analysis={"intervalSeconds": 5, "confidence": 0.9, "metrics": metrics},
    )
    fliers.release("4", onnx_bytes.classifier(COLUMNS, -COEFFICIENTS, -INTERCEPT))
    began = exposed(fliers, "4")
    rejected = eventually("version 4 is rejected", lambda: fliers.rejected("4"), 90)
    assert time.monotonic() - began < SECONDS_TO_ROLL_BACK
    assert "agreement" in rejected["reason"]
    assert good_client.answers.by_version["4"] == 0
    assert not good_client.answers.failures


def test_a_slow_version_is_taken_back(fliers: Fliers, good_client: Client) -> None:
    latency = {"name": "latency-p90-ms", "max": 25}
    fliers.deploys(analysis={"intervalSeconds": 5, "confidence": 0.9, "metrics": [ERRORS, latency]})
    fliers.release("5", onnx_bytes.slow_classifier(COLUMNS, COEFFICIENTS, INTERCEPT, milliseconds=60))
    began = exposed(fliers, "5")
    rejected = eventually("version 5 is rejected", lambda: fliers.rejected("5"), 120)
    assert time.monotonic() - began < SECONDS_TO_ROLL_BACK
    assert "latency-p90-ms" in rejected["reason"]
    assert not good_client.answers.failures


def test_what_was_rejected_stays_so_until_something_changes(fliers: Fliers, good_client: Client) -> None:
    fliers.deploys()
    eventually("version 5 is served: nobody asks how fast it is", lambda: fliers.serves("5", NAME), 300)
    assert "rejectedVersion" not in fliers.deployment()
    assert not good_client.answers.failures


def test_a_version_is_asked_for_by_its_number(fliers: Fliers) -> None:
    version = fliers.deployment()["stable"]["version"]
    path = f"/v2/models/{NAME}/versions/{version}/infer"
    with Client(fliers.hostname, path, [body(COLUMNS, GOOD_ROW)], rate=20) as client:
        eventually("it answers", lambda: client.answers.by_version[version] > 5)
    assert not client.answers.failures
