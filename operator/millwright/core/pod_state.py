"""What a pod's status says: why it waits, why it ended, and how long it held its node."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from millwright.core.execution import Blocked, PodUse
from millwright.core.pods import NODE_POOL_LABEL, Manifest

STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
# Reasons of a waiting container that only a change of the pod, or of something it names, takes away.
BLOCKED = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
    }
)
# Reasons of the DisruptionTarget condition: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
DISRUPTIONS = {
    "PreemptionByScheduler": "Preempted",
    "DeletionByTaintManager": "Evicted",
    "EvictionByEvictionAPI": "Evicted",
    "TerminationByKubelet": "Evicted",
    "DeletionByPodGC": "NodeLost",
}
STATUS_REASONS = {"Evicted": "Evicted", "NodeLost": "NodeLost", "Preempting": "Preempted"}
KILLED = 137


def time(text: str | None) -> datetime | None:
    """A metav1.Time as a moment, or None."""
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod from running or answering, in the words of Kubernetes or of the program itself."""

    reason: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


def condition(pod: Manifest, kind: str, status: str) -> Manifest:
    """The condition of the pod with that status; empty where it has none."""
    conditions = pod.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == kind and c["status"] == status), {})


def terminated(pod: Manifest, container: str) -> Manifest:
    """The last end of a container of the pod, which may have been started again; empty where it has not ended."""
    found: Manifest = next((s for s in _all_statuses(pod) if s["name"] == container), {})
    states = (found.get("state", {}), found.get("lastState", {}))
    return dict(next((state["terminated"] for state in states if state.get("terminated")), {}))


def has_started(pod: Manifest) -> bool:
    """Whether its containers run, or ran."""
    return pod.get("status", {}).get("phase") in ("Running", "Succeeded", "Failed")


def has_ended(pod: Manifest) -> bool:
    """Whether it holds no room any more, and will not answer again."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_ready(pod: Manifest) -> bool:
    """Whether it answers."""
    return bool(condition(pod, "Ready", "True"))


def waiting_for(pod: Manifest) -> str:
    """Why the pod does not run yet, in Kubernetes' own words."""
    trouble = held_up(pod)
    if trouble:
        return str(trouble)
    gates = ", ".join(gate["name"] for gate in pod.get("spec", {}).get("schedulingGates", []))
    return f"waiting for {gates}" if gates else "the pod is starting"


def held_up(pod: Manifest) -> Trouble | None:
    """What keeps the pod from its start: a container that waits, or no node; None: nothing that is known."""
    found = _waiting(pod) or condition(pod, "PodScheduled", "False")
    return Trouble(str(found.get("reason", "")), str(found.get("message", ""))) if found else None


def blocked(pods: Iterable[Manifest]) -> Blocked | None:
    """Why and since when the first of the pods that cannot start cannot; None: they all can."""
    found = ((_waiting(pod).get("reason"), time(pod["metadata"]["creationTimestamp"])) for pod in pods)
    return next((Blocked(reason, since) for reason, since in found if reason in BLOCKED and since), None)


def failure_reason(pod: Manifest, container: str) -> str:
    """OOMKilled, Evicted, Preempted, NodeLost, PodLost (somebody deleted it) or Error, of a pod that failed."""
    disrupted = disruption(pod)
    if disrupted:
        return disrupted
    ended = terminated(pod, container)
    killed = ended.get("reason") == "OOMKilled" or ended.get("exitCode") == KILLED
    if killed:
        return "OOMKilled"
    return "PodLost" if "deletionTimestamp" in pod["metadata"] else "Error"


def disruption(pod: Manifest) -> str | None:
    """Why the platform took the pod away: Evicted, Preempted or NodeLost; None: it didn't."""
    target = condition(pod, "DisruptionTarget", "True")
    if target:
        return DISRUPTIONS.get(target.get("reason", ""), "Evicted")
    return STATUS_REASONS.get(pod.get("status", {}).get("reason", ""))


def uses(pods: Iterable[Manifest]) -> tuple[PodUse, ...]:
    """The time each pod held its node; none for a pod that has no node yet."""
    return tuple(use for use in map(_use, pods) if use is not None)


def _use(pod: Manifest) -> PodUse | None:
    status = pod.get("status", {})
    started = time(status.get("startTime"))
    if started is None:
        return None
    states = (s.get("state", {}).get("terminated", {}) for s in _statuses(pod, "containerStatuses"))
    ends = [end for end in (time(state.get("finishedAt")) for state in states) if end is not None]
    pool = pod["metadata"].get("labels", {}).get(NODE_POOL_LABEL)
    return PodUse(pool, started, max(ends, default=started) if has_ended(pod) else None)


def _waiting(pod: Manifest) -> dict[str, Any]:
    """State of the first container that waits for something else than its start."""
    for status in _all_statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason", "") not in STARTING:
            return dict(waiting)
    return {}


def _all_statuses(pod: Manifest) -> list[Manifest]:
    return [*_statuses(pod, "initContainerStatuses"), *_statuses(pod, "containerStatuses")]


def _statuses(pod: Manifest, kind: str) -> list[Manifest]:
    return list(pod.get("status", {}).get(kind) or [])
