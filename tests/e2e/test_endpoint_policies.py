"""Keys, time limits and retries are the Gateway's: its policies name the HTTPRoute, and hold through a roll-out."""

import http.client
import time
from collections.abc import Iterator

import pytest
from demo.kube import ROOT, kubectl
from tests.e2e.clients import body, gateway_address
from tests.e2e.conftest import eventually
from tests.e2e.fliers import NAME, Fliers
from tests.e2e.test_import import COLUMNS

EXAMPLES = ROOT / "examples" / "endpoint-policies"
KEY = {"x-api-key": "change-me"}


@pytest.fixture(scope="module")
def fliers() -> Iterator[Fliers]:
    """Version 1 is served to those who have a key, within two seconds."""
    made = Fliers(f"e2e-policies-{int(time.time())}")
    made.release_good("1")
    made.deploys(analysis=None)
    eventually("version 1 is served", lambda: made.serves("1", NAME))
    for example in ("api-keys.yaml", "timeout-and-retries.yaml"):
        made.apply((EXAMPLES / example).read_text().replace("arr-delay", NAME))
    yield made
    kubectl("delete", "namespace", made.namespace, "--wait=false")


def status(team: Fliers, headers: dict[str, str]) -> int:
    """Of a good request."""
    connection = http.client.HTTPConnection(gateway_address(), timeout=10)
    try:
        sent = {"Host": team.hostname, "Content-Type": "application/json"} | headers
        connection.request("POST", f"/v2/models/{NAME}/infer", body(COLUMNS, [1.0, 0.0]), sent)
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_who_has_a_key_is_answered(fliers: Fliers) -> None:
    eventually("who has no key is refused", lambda: status(fliers, {}) == http.client.UNAUTHORIZED)
    assert status(fliers, {"x-api-key": "guessed"}) == http.client.UNAUTHORIZED
    assert status(fliers, KEY) == http.client.OK


def test_they_hold_for_the_next_version_too(fliers: Fliers) -> None:
    fliers.release_good("2")
    while not fliers.serves("2", NAME):
        assert status(fliers, {}) == http.client.UNAUTHORIZED
        assert status(fliers, KEY) == http.client.OK


def test_who_takes_too_long_is_answered_504(fliers: Fliers) -> None:
    assert status(fliers, KEY) == http.client.OK
    limit = '{"spec": {"timeout": {"http": {"requestTimeout": "1ms"}}}}'
    kubectl("patch", "backendtrafficpolicy", NAME, "-n", fliers.namespace, "--type=merge", "-p", limit)
    eventually("time is over", lambda: status(fliers, KEY) == http.client.GATEWAY_TIMEOUT)
