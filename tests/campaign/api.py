"""The Kubernetes API past the proxy: for users, the played kubelet and the inspection. None of the operator's code."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

Manifest = dict[str, Any]
JSON, MERGE = "application/json", "application/merge-patch+json"


@asynccontextmanager
async def api(kubeconfig: Path) -> AsyncIterator["Api"]:
    """By the kubeconfig of the benchmark's control plane."""
    server, token = _credentials(kubeconfig)
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=0, ssl=False)
    async with aiohttp.ClientSession(server, headers=headers, connector=connector) as session:
        yield Api(session)


def _credentials(kubeconfig: Path) -> tuple[str, str]:
    config = json.loads(kubeconfig.read_text())
    return config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]


class Api:
    """Plain manifests. An object that is gone already, or there already, is no error."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def items(self, resource: str, namespace: str, **query: str) -> list[Manifest]:
        """Objects of a namespace."""
        found = await self._send("GET", path(resource, namespace), query=query)
        return list(found.get("items", []))

    async def get(self, resource: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None."""
        return await self._send("GET", path(resource, namespace, name)) or None

    async def create(self, resource: str, namespace: str, manifest: Manifest) -> bool:
        """Whether it is made."""
        return bool(await self._send("POST", path(resource, namespace), manifest))

    async def patch(self, resource: str, namespace: str, name: str, change: Manifest, part: str = "") -> None:
        """JSON merge patch of the object, or of a subresource."""
        await self._send("PATCH", path(resource, namespace, name, part), change, MERGE)

    async def delete(self, resource: str, namespace: str, name: str, grace_seconds: int | None = None) -> None:
        options = {"propagationPolicy": "Background"}
        grace = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        await self._send("DELETE", path(resource, namespace, name), options | grace)

    async def _send(
        self,
        method: str,
        url: str,
        body: Manifest | None = None,
        content_type: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        data = json.dumps(body) if body is not None else None
        headers = {"Content-Type": content_type}
        async with self._session.request(method, url, data=data, headers=headers, params=query) as response:
            answer: Manifest = await response.json()
            if response.status in (403, 404, 409):  # 403: new content in a namespace that is on its way out
                return {}
            if response.status >= 400:
                raise RuntimeError(f"{method} {url}: {response.status} {answer.get('message')}")
            return answer


GROUPS = {
    "jobs": "batch/v1",
    "deployments": "apps/v1",
    "replicasets": "apps/v1",
    "trainingruns": "millwright.dev/v1alpha1",
    "models": "millwright.dev/v1alpha1",
    "modeldeployments": "millwright.dev/v1alpha1",
}


def path(resource: str, namespace: str = "", name: str = "", part: str = "") -> str:
    """Of a resource by its plural."""
    group = GROUPS.get(resource)
    words = (
        f"/apis/{group}" if group else "/api/v1",
        f"namespaces/{namespace}" if namespace else "",
        resource,
        name,
        part,
    )
    return "/".join(word for word in words if word)
