"""Version sets as the cluster shows them: how many of their pods answer, and what keeps the others from it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from millwright.core import children, pod_state, room
from millwright.core.children import Manifest
from millwright.core.pod_state import Trouble
from millwright.core.room import Room
from millwright.core.runtimes import CUSTOM, FETCHER
from millwright.core.serving_pod import CONTAINER, VERSION_SET_LABEL

# Exit codes of our programs (docs/contracts.md), where they say more than that it failed.
EXITS = {2: "InvalidSettings", 3: "DigestMismatch", 4: "PredictionsDiffer"}
TAIL_CHARACTERS = 500
# Where nothing is known of pods that do not answer in time.
SILENT = Trouble("ProgressDeadlineExceeded", "its pods run and are not ready")


@dataclass(frozen=True)
class VersionSetState:
    """One version set.

    `applied`: hash of what it was made from. `replicas`: pods asked for; `current`: pods made; `ready`: those that
    answer. `seen`: its numbers are those of its present spec. `trouble`: what keeps a pod from answering.
    `crash`, `crashed`: the last end of a server that was to go on, and when. `room`: what its pods found on nodes.
    """

    applied: str
    replicas: int
    ready: int
    current: int = 0
    seen: bool = True
    trouble: Trouble | None = None
    crash: Trouble | None = None
    crashed: datetime | None = None
    room: Room = field(default_factory=Room)

    def answers(self, replicas: int, needed: int | None = None) -> bool:
        """Whether so many pods were asked for, and all of them answer; or as many as are needed."""
        return self.seen and self.replicas == replicas and self.ready >= (replicas if needed is None else needed)

    def crash_since(self, moment: datetime | None) -> Trouble | None:
        """How a server ended after the moment; None: none did, or there was no such moment."""
        return self.crash if moment is not None and self.crashed is not None and self.crashed > moment else None


def read(sets: Iterable[Manifest], pods: Iterable[Manifest], services: Collection[str]) -> dict[str, VersionSetState]:
    """The state of each version set by its name, from apps/v1 Deployments, pods, and names of Services."""
    newest_first = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    return {body["metadata"]["name"]: _state(body, newest_first, services) for body in sets}


def progress(state: VersionSetState | None, pods: int) -> str:
    """`1 of 3 pods answer: OOMKilled`: how many of a set's pods answer, and what keeps the others from it."""
    have, trouble = (state.ready, state.trouble) if state else (0, None)
    return f"{have} of {pods} pods answer" + (f": {trouble}" if trouble else "")


def holding(pods: Iterable[Manifest]) -> Mapping[str, int]:
    """How many pods of each version set hold room on a node, or wait for it; those that are ending, too."""
    return Counter(_set_of(pod) for pod in pods if not pod_state.has_ended(pod))


def _set_of(pod: Manifest) -> str:
    return str(pod["metadata"].get("labels", {}).get(VERSION_SET_LABEL, ""))


def _state(body: Manifest, pods: Iterable[Manifest], services: Collection[str]) -> VersionSetState:
    """A set without its Service is not what was applied. A pod without a node tells less than one that has one."""
    status, name = body.get("status", {}), body["metadata"]["name"]
    own = sorted((pod for pod in pods if _set_of(pod) == name), key=lambda pod: bool(room.refusal(pod)))
    crashed, crash = max(filter(None, map(_crash, own)), key=lambda found: found[0], default=(None, None))
    return VersionSetState(
        applied=children.applied(body) if name in services else "",
        replicas=body["spec"].get("replicas", 1),
        ready=status.get("availableReplicas", 0),
        current=status.get("replicas", 0),
        seen=status.get("observedGeneration") == body["metadata"]["generation"],
        trouble=next(filter(None, map(_trouble, own)), None) or _uncreated(status),
        crash=crash,
        crashed=crashed,
        room=room.read(own),
    )


def _trouble(pod: Manifest) -> Trouble | None:
    """Why the pod does not answer; None where it does, or nothing is known yet, or it is being deleted."""
    if "deletionTimestamp" in pod["metadata"] or pod_state.is_ready(pod):
        return None
    ended = _unfetched(pod) or _ended(pod, _server(pod))
    if ended:
        return ended
    disrupted = pod_state.disruption(pod)
    if disrupted:
        return Trouble(disrupted, str(pod["status"].get("message", "")))
    return pod_state.held_up(pod)


def _crash(pod: Manifest) -> tuple[datetime, Trouble] | None:
    """The last end of the server in a pod that stays."""
    server = _server(pod)
    crash, moment = _ended(pod, server), pod_state.time(pod_state.terminated(pod, server).get("finishedAt"))
    stays = "deletionTimestamp" not in pod["metadata"] and pod_state.disruption(pod) is None
    return (moment, crash) if crash and moment and stays else None


def _server(pod: Manifest) -> str:
    """The name of the container that serves, by which one knows whose server it is."""
    return CUSTOM if pod_state.terminated(pod, CUSTOM) else CONTAINER


def _unfetched(pod: Manifest) -> Trouble | None:
    """Why there is no package for a server; None: it is there, or being fetched for the first time."""
    return _ended(pod, FETCHER) if pod_state.terminated(pod, FETCHER).get("exitCode") else None


def _ended(pod: Manifest, container: str) -> Trouble | None:
    """How a container ended, the last time that it did."""
    ended = pod_state.terminated(pod, container)
    if not ended:
        return None
    words = str(ended.get("message", "")).strip()[-TAIL_CHARACTERS:]
    known = {} if container == CUSTOM else EXITS
    reason = known.get(ended.get("exitCode", 1)) or pod_state.failure_reason(pod, container)
    return Trouble(reason, f"exit code {ended.get('exitCode')}" + (f": {words}" if words else ""))


def _uncreated(status: Manifest) -> Trouble | None:
    """Pods that could not even be made: over quota, forbidden, or without their service account."""
    conditions = status.get("conditions") or []
    failed: Manifest = next((c for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True"), {})
    return Trouble(str(failed.get("reason", "")), str(failed.get("message", ""))) if failed else None
