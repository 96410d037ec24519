"""Room on nodes: what the scheduler says of a version set's pods, and how long they had to answer since."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from millwright.core import pod_state
from millwright.core.pods import Manifest

UNSCHEDULABLE = "Unschedulable"
# The scheduler's words where other pods hold what a pod asks for: its plugin NodeResourcesFit.
SCARCE = re.compile(r"Insufficient |Too many pods")
# Pods that are just leaving make room by themselves.
PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True)
class Room:
    """What pods found of it.

    `refused`: since when a pod has no node; None: each has one. `scarce`: other pods hold what it asks for. `found`:
    when the last one that had been refused got its node. `silent`: since when one that has a node does not answer.
    """

    refused: datetime | None = None
    scarce: bool = False
    found: datetime | None = None
    silent: datetime | None = None

    def is_lacking(self, now: datetime) -> bool:
        """Whether a pod has had no node for longer than it takes others to leave."""
        return self.refused is not None and now >= self.refused + PATIENCE

    def is_stuck(self, since: datetime, limit: timedelta, now: datetime) -> bool:
        """Whether a pod has had no node for so long since then, and no other one has found any meanwhile."""
        return self.refused is not None and now >= max(since, self.refused, self.found or since) + limit

    def is_late(self, since: datetime, limit: timedelta, now: datetime) -> bool:
        """Whether the pods had so long to answer since then. Waiting for a node is no fault of what they serve."""
        if self.refused is not None and self.silent is None:
            return False
        placed = self.found if self.refused is None else self.silent
        return now >= max(since, placed or since) + limit


def read(pods: Iterable[Manifest]) -> Room:
    """From all pods of a version set that are to stay."""
    there = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and not pod_state.has_ended(pod)]
    refusals = [(_moment(pod, found), found) for pod in there if (found := refusal(pod))]
    placed = [(pod, _moment(pod, found)) for pod in there if (found := _scheduled(pod, "True"))]
    waited = [since for pod, since in placed if since >= _created(pod) + PATIENCE]
    silent = [_silent_since(pod, since) for pod, since in placed if not pod_state.is_ready(pod)]
    return Room(
        refused=min((since for since, _ in refusals), default=None),
        scarce=any(SCARCE.search(str(found.get("message", ""))) for _, found in refusals),
        found=max(waited, default=None),
        silent=min(silent, default=None),
    )


def refusal(pod: Manifest) -> Manifest:
    """The condition by which the scheduler says that it has no node for the pod; empty: it has, or is still at it."""
    found = _scheduled(pod, "False")
    return found if found.get("reason") == UNSCHEDULABLE else {}


def _scheduled(pod: Manifest, status: str) -> Manifest:
    return pod_state.condition(pod, "PodScheduled", status)


def _silent_since(pod: Manifest, placed: datetime) -> datetime:
    unready = pod_state.condition(pod, "Ready", "False")
    return max(placed, _moment(pod, unready)) if unready else placed


def _moment(pod: Manifest, condition: Manifest) -> datetime:
    return pod_state.time(condition.get("lastTransitionTime")) or _created(pod)


def _created(pod: Manifest) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
