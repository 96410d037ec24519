"""Runs that share a quota of one wait for each other in Kueue, in order, and say where they stand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from demo.kube import kubectl
from tests.cluster.settings import PACKAGE
from tests.e2e.conftest import EXAMPLE, Team, eventually

NAMESPACE = "e2e-queue"
QUEUE = (PACKAGE / "manifests" / "kueue-try" / "queue.yaml").read_text().replace("NAMESPACE", NAMESPACE)
WORKLOADS = "workloads.kueue.x-k8s.io"
NAMES = ("first", "second", "third")


@pytest.fixture(scope="module")
def queue() -> Iterator[Team]:
    """A team with a queue that has room for one pod at a time, and three runs in it."""
    kubectl("apply", "--server-side", "-f", "-", input=QUEUE)
    team = Team(NAMESPACE)
    pipeline = (EXAMPLE / "pipeline.yaml").read_text()
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "p"},
        "data": {"pipeline.yaml": pipeline},
    }
    team.apply(config_map, _object("Model", "wine", {}))
    for place, name in enumerate(NAMES, start=1):
        spec = {"pipeline": {"configMapRef": {"name": "p"}}, "output": {"model": "wine"}, "queueName": "team"}
        team.apply(_object("TrainingRun", name, spec))
        eventually(f"{name} is in the queue, after the others", partial(_are_apart, place))
    yield team
    kubectl("delete", "-f", "-", input=QUEUE)


def _are_apart(count: int) -> bool:
    """So many workloads are in the queue, and one that comes now is younger: Kueue tells their ages by the second."""
    names = ("get", WORKLOADS, "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.creationTimestamp}")
    made = kubectl(*names).split()
    return len(made) == count and datetime.now(UTC) >= datetime.fromisoformat(max(made)) + timedelta(seconds=1)


def _state(team: Team, name: str) -> str:
    return str(team.status("trainingrun", name).get("state", ""))


def _has_succeeded(team: Team, name: str) -> bool:
    return _state(team, name) == "Succeeded"


def _object(kind: str, name: str, spec: dict[str, object]) -> dict[str, object]:
    return {"apiVersion": "millwright.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_those_without_quota_say_where_they_stand(queue: Team) -> None:
    message = eventually("the third waits", lambda: _message(queue, "third"))
    assert message.startswith("in queue team, ")
    assert _state(queue, "third") == "Queued"


def _message(team: Team, name: str) -> str:
    ready = team.condition("trainingrun", "Ready", name)
    return str(ready["message"]) if ready.get("reason") == "Queued" else ""


def test_they_run_one_after_another_in_order_and_leave_the_queue_empty(queue: Team) -> None:
    for name in NAMES:
        eventually(f"{name} succeeds", partial(_has_succeeded, queue, name))
    jobs = json.loads(kubectl("get", "jobs", "-n", NAMESPACE, "-l", "millwright.dev/step=pipeline", "-o", "json"))[
        "items"
    ]
    times = sorted((job["status"]["startTime"], job["status"]["completionTime"], _run_of(job)) for job in jobs)
    assert [name for _, _, name in times] == list(NAMES)
    assert all(ended <= began for (_, ended, _), (began, _, _) in pairwise(times))
    assert kubectl("get", WORKLOADS, "-n", NAMESPACE, "-o", "name") == ""


def _run_of(job: dict[str, dict[str, dict[str, str]]]) -> str:
    return job["metadata"]["labels"]["millwright.dev/training-run"]
