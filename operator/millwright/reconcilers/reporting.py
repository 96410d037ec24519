"""Reporting: the one way in which a status and its events reach the cluster."""

import hashlib
from datetime import datetime
from typing import Any

from millwright.api.common import Condition, StatusModel
from millwright.core.conditions import find
from millwright.ports import EVENTS, Cluster, Manifest, RejectedError, Resource
from millwright.reconcilers.object_cache import ObjectCache

COMPONENT = "millwright"


def merge_patch(old: Any, new: Any) -> Any:
    """RFC 7386: the patch that makes `new` of `old`; an empty map where nothing differs."""
    patch: Manifest = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(old[key], dict):
            inner = merge_patch(old[key], value)
            patch |= {key: inner} if inner else {}
        elif value != old[key]:
            patch[key] = value
    return patch


class Reporter:
    """Writes statuses that changed, and an event where the Ready condition got another reason."""

    def __init__(self, cluster: Cluster, resource: Resource, cache: ObjectCache) -> None:
        self._cluster = cluster
        self._resource = resource
        self._cache = cache

    async def report(self, body: Manifest, old: StatusModel, status: StatusModel, now: datetime) -> None:
        """One write when the status differs, none when it doesn't. Raises ConflictError where `body` is old."""
        if status == old:
            return  # that an object without a status has a status of defaults is no news
        told, metadata = body.get("status") or {}, body["metadata"]
        version = {"resourceVersion": metadata["resourceVersion"]}
        patch = {"metadata": version, "status": merge_patch(told, status.manifest())}
        made = await self._cluster.patch_status(self._resource, metadata["namespace"], metadata["name"], patch)
        assert made is not None
        self._cache.learn(self._resource, made)
        await self._tell(body, old, status, now)

    async def note(self, body: Manifest, reason: str, message: str, now: datetime) -> None:
        """An event of what was done, where no status is left to tell it."""
        await self._create(_event(body, "Normal", reason, message, now))

    async def _tell(self, body: Manifest, old: StatusModel, new: StatusModel, now: datetime) -> None:
        before, after = _ready(old), _ready(new)
        if after is None or (before is not None and before.reason == after.reason):
            return
        kind = "Warning" if after.status == "False" else "Normal"
        await self._create(_event(body, kind, after.reason, after.message, now))

    async def _create(self, event: Manifest) -> None:
        try:
            await self._cluster.create(EVENTS, event)
        except RejectedError:
            return  # an event tells a story; a namespace on its way out takes none, and nothing depends on it


def _ready(status: StatusModel) -> Condition | None:
    return find(getattr(status, "conditions", ()), "Ready")


def _event(body: Manifest, kind: str, reason: str, message: str, now: datetime) -> Manifest:
    metadata = body["metadata"]
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = f"{metadata['uid']}/{reason}/{time}/{message}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": kind,
        "reason": reason,
        "message": message[:1000],
        "source": {"component": COMPONENT},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
