"""The Kubernetes client against answers that no healthy cluster gives. What it does on a real one: tests/contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.ports import CONFIG_MAPS, ConflictError, DependencyError


@asynccontextmanager
async def answering(status: int) -> AsyncIterator[KubernetesCluster]:
    """A client of a server that answers everything so."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "message": "dial tcp: no route to host"}, status=status)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server:
        api = client.ApiClient(client.Configuration(host=str(server.make_url("")).rstrip("/")))
        cluster = KubernetesCluster(api)
        try:
            yield cluster
        finally:
            await cluster.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_log_whose_node_is_gone_is_empty_and_holds_nobody_up(status: int) -> None:
    async with answering(status) as cluster:
        assert await cluster.tail("flights", "pod", 20) == ""


async def test_what_was_changed_meanwhile_is_told_apart_from_an_outage() -> None:
    async with answering(409) as cluster:
        with pytest.raises(ConflictError, match="no route to host"):
            await cluster.patch(CONFIG_MAPS, "flights", "pipe", {})


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_what_may_go_better_later_is_tried_again(status: int) -> None:
    async with answering(status) as cluster:
        with pytest.raises(DependencyError, match="no route to host"):
            await cluster.get(CONFIG_MAPS, "flights", "pipe")
