"""Nodes that have no room for all pods of a fake world, and the scheduler that says so."""

from tests.fakes.world import FakeWorld

from millwright.core import pod_state
from millwright.core.serving_pod import VERSION_SET_LABEL
from millwright.ports import Manifest

WORDS = (
    "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match Pod's node affinity/selector. "
    "no new claims to deallocate"
)


def place(world: FakeWorld, pods: list[Manifest], room: int) -> None:
    """As the scheduler does: those that came first get a node first; one that is ending holds it."""
    left = room - sum(_is_placed(pod) for pod in pods)
    for pod in pods:
        if not _is_placed(pod) and "deletionTimestamp" not in pod["metadata"]:
            _judge(world, pod, left > 0)
            left -= _is_placed(pod)


def answering(pods: list[Manifest], version_set: str) -> int:
    """How many pods of a version set that are to stay have a node."""
    own = (pod for pod in pods if pod["metadata"]["labels"][VERSION_SET_LABEL] == version_set)
    return sum(_is_placed(pod) and "deletionTimestamp" not in pod["metadata"] for pod in own)


def _is_placed(pod: Manifest) -> bool:
    return bool(pod_state.condition(pod, "PodScheduled", "True"))


def _judge(world: FakeWorld, pod: Manifest, has_room: bool) -> None:
    now, status = world.clock.time.isoformat(), pod["status"]
    if "phase" not in status:  # the first time
        status |= {"phase": "Pending", "started": {name: status.pop(name) for name in [*status]}}
        pod["metadata"]["creationTimestamp"] = now
    if has_room:
        status |= {"phase": "Running"} | status["started"]
        status["conditions"] = [*status.get("conditions", ()), _scheduled("True", now)]
    elif not pod_state.condition(pod, "PodScheduled", "False"):
        status["conditions"] = [_scheduled("False", now) | {"reason": "Unschedulable", "message": WORDS}]


def _scheduled(status: str, now: str) -> Manifest:
    return {"type": "PodScheduled", "status": status, "lastTransitionTime": now}
