"""Objects of a namespace as they are and as they become, by the official client's watch."""

from collections.abc import AsyncIterator
from typing import Any

from kubernetes.aio import client, watch

from millwright.ports import PODS, Manifest, Resource


async def changes(resource: Resource, namespace: str, **selector: str) -> AsyncIterator[Manifest]:
    """For ever. `selector`: label_selector or field_selector."""
    async with client.ApiClient() as api, watch.Watch() as stream:  # type: ignore[no-untyped-call]
        lister, words = _lister(api, resource, namespace)
        async for event in stream.stream(lister, *words, **selector):
            yield event["raw_object"]


def _lister(api: client.ApiClient, resource: Resource, namespace: str) -> tuple[Any, tuple[str, ...]]:
    """The client's method, and its arguments."""
    if resource == PODS:
        return client.CoreV1Api(api).list_namespaced_pod, (namespace,)
    group, version = resource.api_version.split("/")
    return client.CustomObjectsApi(api).list_namespaced_custom_object, (group, version, namespace, resource.plural)
