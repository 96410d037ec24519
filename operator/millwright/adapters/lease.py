"""A coordination.k8s.io/v1 Lease. https://kubernetes.io/docs/concepts/architecture/leases/"""

import json
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client

from millwright.adapters.kubernetes_api import JSON, MERGE_PATCH, send
from millwright.core.leadership import LEASE_SECONDS, LeaseRecord
from millwright.ports import LEASES, AbsentError, Manifest


class KubernetesLease:
    """Implements ports.Lease. Its writes are no work of the operator's: they pass no fence, and are not counted."""

    def __init__(self, api: client.ApiClient, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name

    async def read(self) -> LeaseRecord | None:
        try:
            return _record(await send(self._api, "GET", self._path()))
        except AbsentError:
            return None

    async def write(self, record: LeaseRecord, over: LeaseRecord | None) -> LeaseRecord:
        if over is None:
            metadata = {"name": self._name, "namespace": self._namespace}
            kind = {"apiVersion": LEASES.api_version, "kind": "Lease"}
            body = kind | {"metadata": metadata, "spec": _spec(record)}
            return _record(await send(self._api, "POST", LEASES.path(self._namespace), {}, body, JSON))
        patch = {"metadata": {"resourceVersion": over.version}, "spec": _spec(record)}
        return _record(await send(self._api, "PATCH", self._path(), {}, patch, MERGE_PATCH))

    def _path(self) -> str:
        return LEASES.path(self._namespace, self._name)


def _spec(record: LeaseRecord) -> Manifest:
    """The time is for people to read: no replica decides by it."""
    return {
        "holderIdentity": record.holder or None,
        "leaseDurationSeconds": record.seconds,
        "leaseTransitions": record.transitions,
        "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _record(raw: bytes) -> LeaseRecord:
    body: dict[str, Any] = json.loads(raw)
    spec = body.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        transitions=spec.get("leaseTransitions") or 0,
        version=body["metadata"]["resourceVersion"],
    )
