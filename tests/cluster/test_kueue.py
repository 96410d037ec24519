"""Kueue on the local cluster (`make cluster KUEUE=1`) admits what the quota has room for, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .kubectl import kubectl, kubectl_succeeds
from .settings import PACKAGE, Checkout
from .shell import wait_until

_NAMESPACE = "kueue-try"
_QUEUE = (PACKAGE / "manifests" / "kueue-try" / "queue.yaml").read_text().replace("NAMESPACE", _NAMESPACE)
_CHECKOUT = Checkout()

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not kubectl_succeeds(_CHECKOUT, "get", "deployment", "-n", "kueue-system", "kueue-controller-manager"),
        reason="the cluster was made without KUEUE=1",
    ),
]


@pytest.fixture
def queue() -> Iterator[None]:
    kubectl(_CHECKOUT, "apply", "--server-side", "-f", "-", input=_QUEUE)
    yield
    kubectl(_CHECKOUT, "delete", "-f", "-", input=_QUEUE)


def job(name: str) -> dict:
    container = {"name": "sleep", "image": "millwright.local/busybox:dev", "command": ["sleep", "600"]}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": _NAMESPACE, "labels": {"kueue.x-k8s.io/queue-name": "team"}},
        "spec": {"template": {"spec": pod}},
    }


def create(name: str) -> None:
    kubectl(_CHECKOUT, "create", "-f", "-", input=json.dumps(job(name)))


def is_suspended(name: str) -> bool:
    return kubectl(_CHECKOUT, "get", "job", name, "-n", _NAMESPACE, "-o", "jsonpath={.spec.suspend}") == "true"


def reason(name: str) -> str:
    """Why the Job's Workload has no quota; empty when it has."""
    listed = json.loads(kubectl(_CHECKOUT, "get", "workloads.kueue.x-k8s.io", "-n", _NAMESPACE, "-o", "json"))["items"]
    owned = [w for w in listed if w["metadata"]["ownerReferences"][0]["name"] == name]
    conditions = [c for w in owned for c in w.get("status", {}).get("conditions", []) if c["type"] == "QuotaReserved"]
    return "".join(c["reason"] for c in conditions if c["status"] == "False")


def test_a_second_job_waits_until_the_first_one_gives_its_quota_back(queue: None) -> None:
    create("first")
    wait_until("the first job runs", lambda: not is_suspended("first"))

    create("second")
    wait_until("the second job waits for quota", lambda: reason("second"))
    assert is_suspended("second")

    kubectl(_CHECKOUT, "delete", "job", "first", "-n", _NAMESPACE)
    wait_until("the second job runs", lambda: not is_suspended("second"))


def test_a_job_without_a_queue_is_left_alone(queue: None) -> None:
    free = job("free")
    del free["metadata"]["labels"]

    kubectl(_CHECKOUT, "create", "-f", "-", input=json.dumps(free))

    assert not is_suspended("free")
