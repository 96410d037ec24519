"""Gateway and Prometheus on the local cluster (`make cluster GATEWAY=1`): weights are kept to, servers are scraped."""

from __future__ import annotations

import json
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from .kubectl import kubectl, kubectl_succeeds
from .settings import PACKAGE, Checkout
from .shell import wait_until

_NAMESPACE = "gateway-try"
_HOST = "try.example.org"
_MANIFESTS = PACKAGE / "manifests" / "gateway-try"
_BACKENDS = ("stable", "canary")
_CHECKOUT = Checkout()

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not kubectl_succeeds(_CHECKOUT, "get", "gateway", "-n", "gateways", "public"),
        reason="the cluster was made without GATEWAY=1",
    ),
]


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """The Gateway's address, once it deals by weight: as endpoints come, Envoy Gateway deals otherwise for a while."""
    manifests = "\n---\n".join([manifest("route"), *(manifest("backend", name) for name in _BACKENDS)])
    kubectl(_CHECKOUT, "apply", "--server-side", "-f", "-", input=manifests)
    path = "jsonpath={.status.addresses[0].value}"
    address = kubectl(_CHECKOUT, "get", "gateway", "-n", "gateways", "public", "-o", path)
    wait_until("the proxy deals by weight", lambda: is_a_tenth(dealt(address)))
    yield address
    kubectl(_CHECKOUT, "delete", "-f", "-", input=manifests)


def manifest(file: str, name: str = "") -> str:
    text = (_MANIFESTS / f"{file}.yaml").read_text()
    return text.replace("NAMESPACE", _NAMESPACE).replace("NAME", name)


def dealt(address: str) -> Counter[str]:
    """How many of a hundred requests went to each backend."""
    try:
        return Counter(answers(HTTPConnection(address), 100))
    except OSError:  # nobody listens yet
        return Counter()


def is_a_tenth(counted: Counter[str]) -> bool:
    """Whether the canary had about what it is to have, and nothing but the two answered."""
    return 5 <= counted["canary"] <= 15 and counted.keys() == set(_BACKENDS)


def answers(connection: HTTPConnection, number: int) -> list[str]:
    with closing(connection):
        return [answer(connection) for _ in range(number)]


def answer(connection: HTTPConnection) -> str:
    connection.request("GET", "/", headers={"Host": _HOST})
    return connection.getresponse().read().decode()


def test_a_route_of_any_namespace_splits_by_weight(gateway: str) -> None:
    hundreds = [dealt(gateway) for _ in range(10)]
    counted = sum(hundreds, Counter[str]())

    assert counted["stable"] + counted["canary"] == 1000
    assert 60 <= counted["canary"] <= 140, hundreds


def test_the_gateway_ends_tls_with_a_certificate_of_the_clusters_authority(gateway: str) -> None:
    trusting = ssl.create_default_context(cafile=str(_CHECKOUT.pki / "ca.crt"))
    connection = HTTPConnection(gateway, 443)
    connection.sock = trusting.wrap_socket(socket.create_connection((gateway, 443)), server_hostname=_HOST)

    assert set(answers(connection, 1)) <= set(_BACKENDS)


def test_prometheus_knows_which_deployment_version_set_and_model_a_server_answers_for(gateway: str) -> None:
    path = "jsonpath={.spec.clusterIP}"
    prometheus = kubectl(_CHECKOUT, "get", "service", "-n", "monitoring", "prometheus", "-o", path)
    query = urlencode({"query": f'try_answers_total{{namespace="{_NAMESPACE}",pod="canary"}}'})

    def found() -> list[dict]:
        with urlopen(f"http://{prometheus}:9090/api/v1/query?{query}", timeout=10) as response:
            return json.load(response)["data"]["result"]

    labels = wait_until("Prometheus has scraped the canary", found)[0]["metric"]

    ours = {name: labels[name] for name in ("deployment", "version_set", "model")}
    assert ours == {"deployment": "try", "version_set": "try-canary", "model": "trial"}
