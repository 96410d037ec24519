"""The Kubernetes API on plain manifests."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from kubernetes.aio import client

from millwright import telemetry
from millwright.adapters import kubernetes_api
from millwright.adapters.kubernetes_api import APPLY_PATCH, JSON, MERGE_PATCH, AlreadyExists, ServerError
from millwright.ports import PODS, AbsentError, ConflictError, Fence, Manifest, RejectedError, Resource

FIELD_MANAGER = "millwright"


class KubernetesCluster:
    """Implements ports.Cluster."""

    def __init__(self, api: client.ApiClient, fence: Fence = nullcontext) -> None:
        self.api = api
        self._fence = fence

    @classmethod
    async def connect(cls, fence: Fence = nullcontext) -> "KubernetesCluster":
        """By the pod's service account, or else by the kubeconfig."""
        return cls(await kubernetes_api.connect(), fence)

    async def close(self) -> None:
        """Closes the connections."""
        await self.api.close()  # type: ignore[no-untyped-call]

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        found: Manifest | None = await self._json("GET", resource.path(namespace, name), absent_is_fine=True)
        return found

    async def list(self, resource: Resource, namespace: str | None, selector: str = "") -> Sequence[Manifest]:
        query = {"labelSelector": selector} if selector else {}
        found = await self._json("GET", resource.path(namespace), query)
        return list(found["items"]) if found else []

    async def create(self, resource: Resource, manifest: Manifest) -> None:
        path = resource.path(manifest["metadata"]["namespace"])
        query = {"fieldManager": FIELD_MANAGER}
        try:
            await self._json("POST", path, query, manifest)
        except AlreadyExists:
            return

    async def apply(self, resource: Resource, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        await self._json("PATCH", resource.path(metadata["namespace"], metadata["name"]), query, manifest, APPLY_PATCH)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest | None:
        return await self._merge(resource.path(namespace, name), patch)

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest | None:
        return await self._merge(resource.path(namespace, name, "status"), patch)

    async def _merge(self, path: str, patch: Manifest) -> Manifest | None:
        query = {"fieldManager": FIELD_MANAGER}
        found: Manifest | None = await self._json("PATCH", path, query, patch, MERGE_PATCH, absent_is_fine=True)
        if found is None and "resourceVersion" in patch.get("metadata", {}):
            raise ConflictError("kubernetes", f"PATCH {path}: it has been deleted since it was read")
        return found

    async def delete(self, resource: Resource, namespace: str, name: str, foreground: bool = False) -> None:
        body = {"propagationPolicy": "Foreground" if foreground else "Background"}
        await self._json("DELETE", resource.path(namespace, name), {}, body, absent_is_fine=True)

    async def tail(self, namespace: str, pod: str, lines: int, container: str | None = None) -> str:
        path = PODS.path(namespace, pod, "log")
        query = {"tailLines": str(lines)} | ({"container": container} if container else {})
        try:
            raw = await self._call("GET", path, query)
        except (RejectedError, ServerError):
            return ""  # the container has not started, the log is gone, or the node that has it
        return raw.decode(errors="replace")

    async def _json(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
        absent_is_fine: bool = False,
    ) -> Any:
        try:
            raw = await self._call(method, path, query, body, content_type)
        except AbsentError:
            if absent_is_fine:
                return None
            raise
        return json.loads(raw) if raw else None

    async def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
    ) -> bytes:
        async with self._fence():
            if method != "GET":
                telemetry.API_WRITES.labels(method).inc()
            return await kubernetes_api.send(self.api, method, path, query, body, content_type)
