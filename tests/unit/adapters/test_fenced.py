"""Whoever may not write sends nothing: every adapter that writes asks its fence before each request."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from kubernetes.aio import client

from millwright.adapters.kubeflow_api import Credentials, KubeflowApi
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.mlflow import MlflowRegistry
from millwright.ports import CONFIG_MAPS, DependencyError

Sent = list[str]


@asynccontextmanager
async def closed() -> AsyncIterator[None]:
    raise DependencyError("lease", "this replica does not hold it")
    yield


class Client(client.ApiClient):
    """Sends nothing."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(client.Configuration())
        self._sent = sent

    async def call_api(self, method: str, url: str, *_: Any, **__: Any) -> Any:
        self._sent.append(f"{method} {url}")
        raise OSError("nobody answers")


def transport(sent: Sent) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url}")
        return httpx.Response(200, json={})

    return httpx.MockTransport(answer)


async def kubernetes(sent: Sent) -> None:
    cluster = KubernetesCluster(Client(sent), fence=closed)
    try:
        await cluster.delete(CONFIG_MAPS, "flights", "pipe")
    finally:
        await cluster.close()


async def mlflow(sent: Sent) -> None:
    await MlflowRegistry("http://mlflow", transport=transport(sent), fence=closed).tag_run("1", {})


async def kubeflow(sent: Sent) -> None:
    await KubeflowApi("http://kfp", Credentials(), transport(sent), fence=closed).archive("1")


@pytest.mark.parametrize("write", [kubernetes, mlflow, kubeflow])
async def test_behind_a_closed_fence_nothing_is_sent(write: Callable[[Sent], Awaitable[None]]) -> None:
    sent: Sent = []
    with pytest.raises(DependencyError) as failure:
        await write(sent)
    assert failure.value.dependency == "lease"
    assert sent == []
