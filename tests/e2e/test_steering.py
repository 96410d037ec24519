"""People steer a roll-out with `kubectl millwright`, and whoever writes to the cluster by hand does no harm."""

import json
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from demo.kube import get, kubectl
from tests.cli.console_script import install
from tests.e2e.clients import Client
from tests.e2e.conftest import eventually
from tests.e2e.fliers import NAME, Fliers

APPROVED = {"type": "Canary", "steps": [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]}


@pytest.fixture(scope="module")
def fliers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fliers]:
    """Version 1 is served, and the plugin is installed."""
    made = Fliers(f"e2e-steering-{int(time.time())}")
    made.release_good("1")
    made.deploys(strategy=APPROVED, analysis=None)
    eventually("version 1 is served", lambda: made.serves("1", NAME))
    with patch.dict(os.environ, install(tmp_path_factory.mktemp("bin"))):
        yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture(scope="module")
def client(fliers: Fliers) -> Iterator[Client]:
    """One who asks all the time, and whose requests are good."""
    with fliers.client([1.0, 0.0], rate=40) as made:
        yield made


def steers(team: Fliers, *words: str) -> None:
    kubectl("millwright", *words, "-n", team.namespace)


def is_told(team: Fliers, reason: str, step: int) -> None:
    """Returns when the candidate stands at that step for that reason."""

    def stands() -> bool:
        told = team.condition("modeldeployment", "Ready", NAME).get("reason")
        return told == reason and team.deployment().get("candidate", {}).get("step") == step

    eventually(f"{reason} at step {step}", stands)


def shares(team: Fliers) -> dict[str, int]:
    """What the HTTPRoute says of the requests that name no version, by version set."""
    route: dict[str, Any] = get("httproute", NAME, team.namespace) or {}
    return {backend["name"]: backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]}


def test_a_version_passes_its_pauses_when_it_is_promoted(fliers: Fliers, client: Client) -> None:
    fliers.release_good("2")
    is_told(fliers, "AwaitingApproval", 1)
    steers(fliers, "pause", NAME)
    steers(fliers, "promote", NAME)
    is_told(fliers, "Paused", 1)
    steers(fliers, "resume", NAME)
    is_told(fliers, "AwaitingApproval", 3)
    steers(fliers, "promote", NAME)
    eventually("version 2 is served", lambda: fliers.serves("2", NAME))
    assert not client.answers.failures


def test_a_route_that_was_edited_by_hand_is_put_right(fliers: Fliers, client: Client) -> None:
    fliers.release_good("3")
    is_told(fliers, "AwaitingApproval", 1)
    wanted = eventually("one of ten goes to it", lambda: (found := shares(fliers)) and 10 in found.values() and found)
    stable = fliers.deployment()["stable"]["versionSet"]
    swapped = [{"op": "replace", "path": f"/spec/rules/0/backendRefs/{index}/weight", "value": 50} for index in (0, 1)]
    kubectl("patch", "httproute", NAME, "-n", fliers.namespace, "--type=json", "-p", json.dumps(swapped))
    eventually("it is as it was", lambda: shares(fliers) == wanted)
    assert wanted[stable] == 90
    assert not client.answers.failures


def test_a_version_that_is_given_up_leaves_and_another_takes_its_place(fliers: Fliers, client: Client) -> None:
    steers(fliers, "abort", NAME)
    eventually("version 3 is given up", lambda: "candidate" not in fliers.deployment())
    eventually("version 2 gets everything", lambda: 100 in shares(fliers).values() or len(shares(fliers)) == 1)
    fliers.release_good("4")
    is_told(fliers, "AwaitingApproval", 1)
    fliers.release_good("5")
    eventually("version 5 takes its place", partial(is_on_its_way, fliers, "5"))
    steers(fliers, "promote", NAME, "--full")
    eventually("version 5 is served", lambda: fliers.serves("5", NAME))
    assert not client.answers.failures


def is_on_its_way(team: Fliers, version: str) -> bool:
    return bool(team.deployment().get("candidate", {}).get("version") == version)


def test_a_rollback_gives_back_the_version_before_and_says_what_is_wanted_of_people(
    fliers: Fliers, client: Client
) -> None:
    steers(fliers, "rollback", NAME)
    eventually("version 2 has the traffic", lambda: fliers.deployment()["stable"]["version"] == "2")
    told = partial(fliers.condition, "modeldeployment", "Stalled", NAME)
    eventually("it is said", lambda: told().get("reason") == "Aborted")
    assert told()["message"].startswith("version 5 is in spec.rollout.abort: take it out")
    assert not client.answers.failures
