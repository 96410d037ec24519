"""An experiment behind the real Gateway and Prometheus: a planted effect is found, and none where there is none.

Clients ask all the time; what good versions are asked is never answered with an error.
"""

import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from demo.kube import kubectl
from tests.e2e.clients import VERSION_HEADER, Client, body, gateway_address
from tests.e2e.conftest import eventually
from tests.e2e.fliers import NAME, Fliers
from tests.e2e.test_import import COEFFICIENTS, COLUMNS
from tests.serving import onnx_bytes

pytestmark = pytest.mark.apart

# With an intercept of 0 one of these is predicted to be on time by more than a half, with 1.5 two are.
ROWS = [[1.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.0, 2.0]]
BRITTLE_ROW = [7.0, 4.0]  # of whose number of a column there is none
COOKIE = "delays-arm"
OF_THE_PODS = 'namespace="{{namespace}}",pod=~"{{pods}}",class="1"'
PRIMARY = {
    "name": "not-on-time",
    "hits": f'millwright_serving_predictions_bucket{{{OF_THE_PODS},le="0.5"}}',
    "total": f"millwright_serving_predictions_count{{{OF_THE_PODS}}}",
    "direction": "Decrease",
    "minimumDetectableEffect": 0.15,
}
EXPERIMENT = {
    "arms": [{"version": version, "weight": 25} for version in ("2", "3", "4")],
    "assignment": {"cookie": {"name": COOKIE}},
    "primary": PRIMARY,
    "guardrails": [{"name": "error-rate", "max": 0.05}],
    "intervalSeconds": 5,
    "confidence": 0.99,
}


@pytest.fixture(scope="module")
def fliers() -> Iterator[Fliers]:
    """Version 1 serves. 2 is better, 3 is the same, 4 fails some requests."""
    made = Fliers(f"e2e-experiments-{int(time.time())}")
    made.release("1", onnx_bytes.classifier(COLUMNS, COEFFICIENTS, 0.0))
    tries(made, "1")
    made.release("2", onnx_bytes.classifier(COLUMNS, COEFFICIENTS, 1.5))
    made.release("3", onnx_bytes.classifier(COLUMNS, COEFFICIENTS * 1.01, 0.0))
    made.release("4", onnx_bytes.brittle_classifier(COLUMNS, COEFFICIENTS, 0.0))
    eventually("version 1 is served", lambda: made.serves("1", NAME))
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


def tries(team: Fliers, version: str, **experiment: Any) -> None:
    """Applies the Deployment: that version, and an experiment where there is one."""
    strategy = {"type": "Experiment", "experiment": experiment} if experiment else {"type": "RollingUpdate"}
    team.deploys(model={"name": NAME, "version": version}, strategy=strategy, analysis=None)


def arms(team: Fliers) -> dict[str, dict[str, Any]]:
    """The scorecard, by version."""
    return {arm["name"]: arm for arm in team.deployment().get("experiment", {}).get("arms", ())}


def verdicts(team: Fliers) -> dict[str, str]:
    return {name: arm["verdict"] for name, arm in arms(team).items()}


def session(team: Fliers, requests: int) -> set[str]:
    """Versions that answer a client who keeps its cookie."""
    connection = http.client.HTTPConnection(gateway_address(), timeout=10)
    found: set[str] = set()
    cookie: dict[str, str] = {}
    for _ in range(requests):
        headers = {"Host": team.hostname, "Content-Type": "application/json"} | cookie
        connection.request("POST", f"/v2/models/{NAME}/infer", body(COLUMNS, ROWS[0]), headers)
        answer = connection.getresponse()
        answer.read()
        found.add(answer.headers.get(VERSION_HEADER, ""))
        if "Set-Cookie" in answer.headers:
            cookie = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
    connection.close()
    assert cookie["Cookie"].startswith(f"{COOKIE}=")
    return found


def test_an_experiment_finds_the_better_version_and_gives_it_everything(fliers: Fliers) -> None:
    with ExitStack() as stack:
        good = [stack.enter_context(fliers.client(*ROWS, rate=30)) for _ in range(4)]
        tries(fliers, "1", **EXPERIMENT)
        eventually("all arms get requests", lambda: [arm["weight"] for arm in arms(fliers).values()] == [25] * 3)
        sessions = [session(fliers, requests=10) for _ in range(20)]
        assert all(len(versions) == 1 for versions in sessions)
        assert len(set.union(*sessions)) > 1
        with fliers.client(BRITTLE_ROW, rate=20):
            eventually("arm 4 is given up", lambda: verdicts(fliers).get("4") == "Failed", 90)
        degraded = fliers.condition("modeldeployment", "Degraded", NAME)
        assert (degraded["status"], degraded["reason"]) == ("True", "ArmFailed")
        eventually("2 is found to be better", lambda: verdicts(fliers).get("2") == "Better", 120)
        eventually("3 is found to be the same", lambda: verdicts(fliers).get("3") == "Same", 180)
        found = arms(fliers)["2"]
        assert found["lower"] < found["effect"] < found["upper"] < 0
        ready = partial(fliers.condition, "modeldeployment", "Ready", NAME)
        eventually("it is decided", lambda: ready().get("reason") == "ExperimentDecided")
        tries(fliers, "1", **EXPERIMENT, whenDecided="Promote")
        eventually("version 2 gets everything", lambda: arms(fliers)["2"]["weight"] == 100, 90)
        assert verdicts(fliers) == {"2": "Better", "3": "Same", "4": "Failed"}
        tries(fliers, "2")
        eventually("version 2 is served", lambda: fliers.serves("2", NAME), 60)
        assert only_from(good, "2")
        assert not any(client.answers.failures for client in good)


def only_from(clients: list[Client], version: str) -> bool:
    """Whether nobody else answers any more."""
    before = [client.answers.by_version.copy() for client in clients]
    eventually(
        "all have asked again",
        lambda: all(
            client.answers.by_version.total() > old.total() + 30 for client, old in zip(clients, before, strict=True)
        ),
    )
    return all(set(client.answers.by_version - old) == {version} for client, old in zip(clients, before, strict=True))
