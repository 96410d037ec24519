"""Why a run on Kubeflow failed, read from what a real server (2.14.3, Argo 3.7.13) leaves."""

from typing import Any

import pytest
from tests.fakes.cluster import FakeCluster

from millwright.adapters.kubeflow_failures import cause, last_lines, lost
from millwright.adapters.kubeflow_snapshots import Space
from millwright.core.execution import Cause
from millwright.ports import PODS, WORKFLOWS, Manifest

RUN = {"run_id": "r1", "state": "FAILED"}
SPACE = Space("flights", "flights")
LOG = """time="2026-11-21T17:00:17.227Z" level=info msg="capturing logs" argo=true
I1121 17:00:17.264636      15 main.go:61] Setting log level to: '1'
[KFP Executor 2026-11-21 17:00:17,535 INFO]: Got executor_input:
{
    "outputs": {
        "outputFile": "/tmp/kfp_outputs/output_metadata.json"
    }
}
reading flights
Traceback (most recent call last):
ValueError: no column dep_delay
I1121 17:00:17.847070      15 launcher_v2.go:181] publish success.
F1121 17:00:17.979743      15 main.go:53] failed to execute component: exit status 3
time="2026-11-21T17:00:17.991Z" level=info msg="sub-process exited" argo=true error="<nil>"
Error: exit status 1
"""


def pod(name: str, task: str | None, finished: str = "2026-11-21T17:00:10Z", **status: Any) -> Manifest:
    """A failed pod of the run."""
    labels = {"pipeline/runid": "r1"} | ({"millwright.dev/task": task} if task else {})
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": finished} | status.pop("terminated", {})
    container = {"name": "main", "state": {"terminated": ended}}
    return {
        "metadata": {"name": name, "namespace": "flights", "labels": labels},
        "status": {"phase": "Failed", "containerStatuses": [container]} | status,
    }


def workflow(*nodes: dict[str, Any], **spec: Any) -> Manifest:
    """The run's Workflow."""
    metadata = {"name": "w", "namespace": "flights", "labels": {"pipeline/runid": "r1"}}
    return {"metadata": metadata, "spec": spec, "status": {"nodes": {node["id"]: node for node in nodes}}}


async def why(*pods: Manifest, of: Manifest | None = None, log: str = "") -> Cause:
    """The cause that is read from these pods and this Workflow."""
    cluster = FakeCluster()
    for each in pods:
        cluster.put(PODS, each)
        cluster.logs["flights", each["metadata"]["name"]] = log
    cluster.put(WORKFLOWS, of or workflow())
    return await cause(cluster, SPACE, RUN)


async def test_a_failed_step_tells_the_users_exit_code_and_lines() -> None:
    found = await why(pod("p", "train"), log=LOG)
    lines = "reading flights\nTraceback (most recent call last):\nValueError: no column dep_delay"
    assert found == Cause("Error", lines, "train", "p", exit_code=3)


async def test_a_launcher_that_failed_is_not_the_users_code() -> None:
    line = "F1121 18:38:19.811644      14 main.go:53] failed to execute component: failed to create task: Unavailable"
    found = await why(pod("p", "train"), log=f"trained\n{line}\n")
    message = "failed to execute component: failed to create task: Unavailable"
    assert found == Cause("LauncherFailed", message, "train", "p", exit_code=1)


@pytest.mark.parametrize(
    ("status", "reason"),
    {
        "killed for its memory": ({"terminated": {"reason": "OOMKilled"}}, "OOMKilled"),
        "evicted by its node": ({"reason": "Evicted", "message": "The node was low on memory"}, "Evicted"),
        "preempted": (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
            "Preempted",
        ),
        "its node is gone": (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}]},
            "NodeLost",
        ),
    }.values(),
)
async def test_the_reason_is_the_pods(status: dict[str, Any], reason: str) -> None:
    assert (await why(pod("p", "train", **status))).reason == reason


async def test_the_step_that_failed_first_is_named_and_of_its_retries_the_last() -> None:
    times = [f"2026-11-21T17:00:{second}Z" for second in (10, 20, 30)]
    pods = [pod("first", "a", times[0]), pod("again", "a", times[1]), pod("later", "b", times[2])]
    found = await why(*pods)
    assert (found.task, found.pod_name) == ("a", "again")


async def test_a_driver_that_failed_is_said_to_be_one_where_no_step_did() -> None:
    found = await why(pod("w-driver", None), log="F1121 10:00:00.0 1 main.go:79] no such parameter\nKFP driver: x")
    assert found == Cause("DriverFailed", "no such parameter", None, "w-driver", exit_code=1)


async def test_a_terminated_run_is_told_from_one_past_a_deadline() -> None:
    found = await why(of=workflow(activeDeadlineSeconds=0))
    assert found.reason == "Terminated"


async def test_of_a_deleted_pod_the_workflow_tells_the_task() -> None:
    nodes = (
        {"id": "n1", "type": "DAG", "displayName": "train", "phase": "Failed"},
        {
            "id": "n2",
            "type": "Pod",
            "displayName": "executor",
            "phase": "Failed",
            "boundaryID": "n1",
            "message": "main: Error (exit code 143)",
            "outputs": {"exitCode": "143"},
        },
    )
    found = await why(of=workflow(*nodes))
    assert (found.reason, found.task) == ("PodLost", "train")


async def test_a_workflow_that_is_gone_is_said() -> None:
    assert (await cause(FakeCluster(), SPACE, RUN)).reason == "WorkflowLost"


@pytest.mark.parametrize(("state", "reason"), [("RUNNING", "WorkflowLost"), ("PENDING", "WorkflowDropped")])
def test_a_workflow_that_went_before_the_server_heard_of_it_went_by_the_server(state: str, reason: str) -> None:
    assert lost(RUN | {"state": state}).reason == reason


def test_a_log_without_the_executors_words_is_the_users() -> None:
    assert last_lines("a\n}\nb") == "a\n}\nb"
