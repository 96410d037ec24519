"""What keeps a server from answering, by table: as apps/v1 and its pods say it."""

from typing import Any

import pytest

from millwright.core import version_set_state
from millwright.core.pod_state import Trouble
from millwright.core.serving_pod import VERSION_SET_LABEL

NAME = "arr-delay-0123abcd"


def pod(status: dict[str, Any], created: str = "2026-01-01T00:00:00Z", deleting: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": {VERSION_SET_LABEL: NAME}, "creationTimestamp": created}
    return {"metadata": metadata | ({"deletionTimestamp": created} if deleting else {}), "status": status}


def container(**states: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "server"} | states]}


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def version_set(generation: int = 1, seen: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": NAME, "generation": generation, "annotations": {"millwright.dev/applied": "abc"}}
    return {"metadata": metadata, "spec": {"replicas": 2}, "status": {"observedGeneration": seen} | status}


def fetcher(**states: Any) -> dict[str, Any]:
    return {"initContainerStatuses": [{"name": "fetch"} | states]}


def custom(**states: Any) -> dict[str, Any]:
    fetched = fetcher(state=ended(0, reason="Completed"))
    return fetched | {"containerStatuses": [{"name": "runtime"} | states]}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
UNSCHEDULED = {
    "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient nvidia.com/gpu"}
    ]
}
OVER_QUOTA = {
    "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]
}
TROUBLES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], Trouble | None]] = {
    "nothing is known before there are pods": ([], {}, None),
    "all is well": ([pod(READY)], {}, None),
    "a pod that starts has no trouble": (
        [pod(container(state={"waiting": {"reason": "ContainerCreating"}}))],
        {},
        None,
    ),
    "a server that crashes at load is waiting to be started again": (
        [pod(container(state=BACK_OFF, lastState=ended(1, "The model fails on its own sample")))],
        {},
        Trouble("Error", "exit code 1: The model fails on its own sample"),
    ),
    "a server that crashed runs again, and does not answer yet": (
        [pod(container(state={"running": {}}, lastState=ended(1, "no model")))],
        {},
        Trouble("Error", "exit code 1: no model"),
    ),
    "another digest": (
        [pod(container(state=ended(3, "The digest is sha256:2")))],
        {},
        Trouble("DigestMismatch", "exit code 3: The digest is sha256:2"),
    ),
    "another model than the one that was evaluated": (
        [pod(container(state=ended(4, "label differs")))],
        {},
        Trouble("PredictionsDiffer", "exit code 4: label differs"),
    ),
    "wrong variables in the template": (
        [pod(container(state=ended(2, "MILLWRIGHT_THREADS must be a number")))],
        {},
        Trouble("InvalidSettings", "exit code 2: MILLWRIGHT_THREADS must be a number"),
    ),
    "killed for its memory": (
        [pod(container(state=BACK_OFF, lastState=ended(137, reason="OOMKilled")))],
        {},
        Trouble("OOMKilled", "exit code 137"),
    ),
    "another digest than that of the package which a runtime is to have": (
        [pod(fetcher(state=BACK_OFF, lastState=ended(3, "The digest is sha256:2")))],
        {},
        Trouble("DigestMismatch", "exit code 3: The digest is sha256:2"),
    ),
    "a runtime starts with the package that was fetched the second time": (
        [pod(fetcher(state=ended(0), lastState=ended(1)) | {"containerStatuses": [{"name": "runtime", "state": {}}]})],
        {},
        None,
    ),
    "a custom runtime's exit codes are its own": (
        [pod(custom(state=BACK_OFF, lastState=ended(3, "no GPU")))],
        {},
        Trouble("Error", "exit code 3: no GPU"),
    ),
    "no image": (
        [pod(container(state={"waiting": {"reason": "ErrImagePull", "message": "not found"}}))],
        {},
        Trouble("ErrImagePull", "not found"),
    ),
    "no storage Secret": (
        [pod(container(state={"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}))],
        {},
        Trouble("CreateContainerConfigError", "no secret"),
    ),
    "no node": ([pod(UNSCHEDULED)], {}, Trouble("Unschedulable", "Insufficient nvidia.com/gpu")),
    "evicted": (
        [pod({"phase": "Failed", "reason": "Evicted", "message": "low on memory"})],
        {},
        Trouble("Evicted", "low on memory"),
    ),
    "no pod may be made": ([], OVER_QUOTA, Trouble("FailedCreate", "exceeded quota")),
    "the newest pod tells first": (
        [pod(UNSCHEDULED), pod(container(state=ended(3)), created="2026-01-02T00:00:00Z")],
        {},
        Trouble("DigestMismatch", "exit code 3"),
    ),
    "a pod that is told to go tells nothing": ([pod(container(state=ended(1)), deleting=True)], {}, None),
    "another set's pod tells nothing": (
        [{"metadata": {"labels": {VERSION_SET_LABEL: "other"}}, "status": UNSCHEDULED}],
        {},
        None,
    ),
}


@pytest.mark.parametrize(("pods", "status", "expected"), TROUBLES.values(), ids=TROUBLES.keys())
def test_the_trouble_is(pods: list[dict[str, Any]], status: dict[str, Any], expected: Trouble | None) -> None:
    (state,) = version_set_state.read([version_set(**status)], pods, [NAME]).values()
    assert state.trouble == expected


def test_numbers_of_an_earlier_spec_are_not_those_of_this_one() -> None:
    body = version_set(generation=2, seen=1, replicas=2, availableReplicas=2)
    state = version_set_state.read([body], [], [NAME])[NAME]
    assert (state.applied, state.replicas, state.current, state.ready, state.seen) == ("abc", 2, 2, 2, False)
    assert not state.answers(2)


def test_pods_that_are_ending_hold_room_and_those_that_have_ended_do_not() -> None:
    phases = ("Running", "Pending", "Failed", "Succeeded")
    pods = [*(pod({"phase": phase}) for phase in phases), pod({"phase": "Running"}, deleting=True)]
    assert version_set_state.holding(pods) == {NAME: 3}
