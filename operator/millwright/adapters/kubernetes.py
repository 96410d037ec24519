"""The Kubernetes API by the official async client, on plain manifests."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config

from millwright import telemetry
from millwright.ports import PODS, DependencyError, Manifest, RejectedError, Resource

FIELD_MANAGER = "millwright"
TIMEOUT_SECONDS = 30.0
GONE, CONFLICT = 404, 409
TRY_AGAIN = {0, CONFLICT, 429, 500, 502, 503, 504}
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def configuration() -> client.Configuration:
    """The client's, with the credentials that were loaded.

    Without proxies and passwords of the environment, as in kopf: to look for them costs two threads for each request.
    """
    found = client.Configuration.get_default_copy()
    found.client_session_kwargs = {"trust_env": False}
    return found


class KubernetesCluster:
    """Implements ports.Cluster."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    async def connect(cls) -> "KubernetesCluster":
        """By the pod's service account, or else by the kubeconfig."""
        try:
            config.load_incluster_config()  # type: ignore[no-untyped-call]
        except config.ConfigException:
            await config.load_kube_config()  # type: ignore[no-untyped-call]
        return cls(client.ApiClient(configuration()))

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

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

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> None:
        found = await self._merge(resource.path(namespace, name), patch)
        if found is None and "resourceVersion" in patch.get("metadata", {}):
            raise DependencyError("kubernetes", f"{resource.plural} {name} has been deleted since it was read")

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> None:
        await self._merge(resource.path(namespace, name, "status"), {"status": patch})

    async def _merge(self, path: str, patch: Manifest) -> Any:
        return await self._json("PATCH", path, {"fieldManager": FIELD_MANAGER}, patch, MERGE_PATCH, absent_is_fine=True)

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
        return raw.decode(errors="replace") if raw else ""

    async def _json(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        absent_is_fine: bool = False,
    ) -> Any:
        raw = await self._call(method, path, query or {}, body, content_type, absent_is_fine)
        return json.loads(raw) if raw else None

    async def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Manifest | None = None,
        content_type: str = "application/json",
        absent_is_fine: bool = False,
    ) -> bytes | None:
        headers = {"Content-Type": content_type, "Accept": "application/json, */*"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "", "")
        url = f"{self._api.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            response = await self._api.call_api(method, url, headers, body, _request_timeout=TIMEOUT_SECONDS)
            raw: bytes = await response.read()  # type: ignore[no-untyped-call]
        except client.ApiException as error:
            raise DependencyError("kubernetes", str(error)) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise DependencyError("kubernetes", f"{method} {path}: {error or type(error).__name__}") from error
        if method != "GET":
            telemetry.API_WRITES.labels(method).inc()
        if response.status == GONE and absent_is_fine:
            return None
        if response.status >= 400:
            raise _error(response.status, f"{method} {path}", raw)
        return raw


class AlreadyExists(RejectedError):
    """The object that was to be created is there."""


class ServerError(DependencyError):
    """The API server answered that it failed, or that what it asked did."""


def _error(status: int, call: str, raw: bytes) -> Exception:
    try:
        answer = json.loads(raw)
        reason, message = answer.get("reason", ""), answer.get("message", "")
    except ValueError:
        reason, message = "", raw[:300].decode(errors="replace")
    if reason == "AlreadyExists":
        return AlreadyExists(message)
    if status in TRY_AGAIN:
        kind = ServerError if status >= 500 else DependencyError
        return kind("kubernetes", f"{call}: {status} {message}")
    return RejectedError(f"Kubernetes refused {call}: {message}")
