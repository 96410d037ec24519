"""Cluster: the fake, and a real API server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from tests.fakes.cluster import FakeCluster

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.ports import CONFIG_MAPS, Cluster, ConflictError, Manifest, RejectedError, Resource

# A kind with spec, status and generation that no controller of the local cluster writes to.
INGRESSES = Resource("networking.k8s.io/v1", "ingresses")


@dataclass
class Place:
    """A cluster and a namespace in it."""

    cluster: Cluster
    namespace: str

    def config_map(self, name: str, data: dict[str, str], **metadata: Any) -> Manifest:
        there = {"name": name, "namespace": self.namespace} | metadata
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": there, "data": data}

    def ingress(self, name: str, service: str) -> Manifest:
        backend = {"service": {"name": service, "port": {"number": 80}}}
        metadata = {"name": name, "namespace": self.namespace}
        kind = {"apiVersion": INGRESSES.api_version, "kind": "Ingress"}
        return kind | {"metadata": metadata, "spec": {"defaultBackend": backend}}

    async def found(self, resource: Resource, name: str) -> Manifest:
        body = await self.cluster.get(resource, self.namespace, name)
        assert body is not None
        return body

    async def data(self, name: str) -> dict[str, str]:
        return dict((await self.found(CONFIG_MAPS, name))["data"])


@pytest.fixture(params=["fake", "real"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    if request.param == "fake":
        yield Place(FakeCluster(), "flights")
        return
    namespace = request.getfixturevalue("namespace")
    cluster = await KubernetesCluster.connect()
    yield Place(cluster, namespace)
    await cluster.close()


@pytest.fixture
async def real(namespace: str) -> AsyncIterator[Place]:
    cluster = await KubernetesCluster.connect()
    yield Place(cluster, namespace)
    await cluster.close()


@pytest.fixture
def name() -> str:
    return f"object-{uuid4().hex[:8]}"


async def test_what_is_absent_is_none(place: Place, name: str) -> None:
    assert await place.cluster.get(CONFIG_MAPS, place.namespace, name) is None


async def test_created_twice_it_stays_as_it_was(place: Place, name: str) -> None:
    await place.cluster.create(CONFIG_MAPS, place.config_map(name, {"a": "first"}))
    before = await place.found(CONFIG_MAPS, name)
    await place.cluster.create(CONFIG_MAPS, place.config_map(name, {"a": "second"}))
    assert await place.found(CONFIG_MAPS, name) == before
    assert before["data"] == {"a": "first"}


async def test_apply_creates_then_changes_and_keeps_the_identity(place: Place, name: str) -> None:
    await place.cluster.apply(CONFIG_MAPS, place.config_map(name, {"a": "1", "gone": "x"}))
    before = await place.found(CONFIG_MAPS, name)
    await place.cluster.apply(CONFIG_MAPS, place.config_map(name, {"a": "2"}))
    after = await place.found(CONFIG_MAPS, name)
    assert after["data"] == {"a": "2"}
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]


async def test_a_merge_patch_changes_adds_and_takes_away_by_null(place: Place, name: str) -> None:
    await place.cluster.create(CONFIG_MAPS, place.config_map(name, {"a": "1", "b": "1", "c": "1"}))
    await place.cluster.patch(CONFIG_MAPS, place.namespace, name, {"data": {"a": "2", "b": None, "d": "2"}})
    assert await place.data(name) == {"a": "2", "c": "1", "d": "2"}


async def test_a_merge_patch_of_metadata_merges_labels_and_replaces_finalizers(place: Place, name: str) -> None:
    labels = {"kept": "1", "gone": "1"}
    body = place.config_map(name, {}, labels=labels, finalizers=["millwright.dev/a", "millwright.dev/b"])
    await place.cluster.create(CONFIG_MAPS, body)
    patch = {"metadata": {"labels": {"gone": None, "new": "1"}, "finalizers": ["millwright.dev/b"]}}
    await place.cluster.patch(CONFIG_MAPS, place.namespace, name, patch)
    metadata = (await place.found(CONFIG_MAPS, name))["metadata"]
    assert metadata["labels"] == {"kept": "1", "new": "1"}
    assert metadata["finalizers"] == ["millwright.dev/b"]
    await place.cluster.patch(CONFIG_MAPS, place.namespace, name, {"metadata": {"finalizers": []}})


async def test_a_patch_of_a_version_that_has_passed_is_refused_and_may_be_tried_again(place: Place, name: str) -> None:
    await place.cluster.create(CONFIG_MAPS, place.config_map(name, {"a": "1"}))
    read = (await place.found(CONFIG_MAPS, name))["metadata"]["resourceVersion"]
    await place.cluster.patch(CONFIG_MAPS, place.namespace, name, {"data": {"a": "theirs"}})
    stale = {"metadata": {"resourceVersion": read}, "data": {"a": "ours"}}
    with pytest.raises(ConflictError):
        await place.cluster.patch(CONFIG_MAPS, place.namespace, name, stale)
    assert await place.data(name) == {"a": "theirs"}
    current = (await place.found(CONFIG_MAPS, name))["metadata"]["resourceVersion"]
    fresh = {"metadata": {"resourceVersion": current}, "data": {"a": "ours"}}
    await place.cluster.patch(CONFIG_MAPS, place.namespace, name, fresh)
    assert await place.data(name) == {"a": "ours"}


async def test_a_patch_of_a_version_of_what_is_gone_is_refused_and_may_be_tried_again(place: Place, name: str) -> None:
    await place.cluster.create(CONFIG_MAPS, place.config_map(name, {}))
    read = (await place.found(CONFIG_MAPS, name))["metadata"]["resourceVersion"]
    await place.cluster.delete(CONFIG_MAPS, place.namespace, name)
    with pytest.raises(ConflictError):
        await place.cluster.patch(CONFIG_MAPS, place.namespace, name, {"metadata": {"resourceVersion": read}})


async def test_a_status_is_refused_in_the_same_way_and_an_object_made_anew_is_another(place: Place, name: str) -> None:
    await place.cluster.create(INGRESSES, place.ingress(name, "first"))
    read = (await place.found(INGRESSES, name))["metadata"]["resourceVersion"]
    stale = {"metadata": {"resourceVersion": read}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    await place.cluster.delete(INGRESSES, place.namespace, name)
    with pytest.raises(ConflictError):
        await place.cluster.patch_status(INGRESSES, place.namespace, name, stale)
    await place.cluster.create(INGRESSES, place.ingress(name, "first"))
    with pytest.raises(ConflictError):
        await place.cluster.patch_status(INGRESSES, place.namespace, name, stale)
    assert "ingress" not in (await place.found(INGRESSES, name)).get("status", {}).get("loadBalancer", {})


async def test_a_patch_answers_with_the_object_as_it_is_then_of_a_later_version(place: Place, name: str) -> None:
    await place.cluster.create(INGRESSES, place.ingress(name, "first"))
    versions = [int((await place.found(INGRESSES, name))["metadata"]["resourceVersion"])]
    label = {"metadata": {"labels": {"a": "1"}}}
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    for write, patch in ((place.cluster.patch, label), (place.cluster.patch_status, status)):
        answer = await write(INGRESSES, place.namespace, name, patch)
        assert answer == await place.found(INGRESSES, name)
        versions.append(int(answer["metadata"]["resourceVersion"]))
    assert versions == sorted(set(versions))


async def test_writing_to_what_is_absent_is_fine_and_makes_nothing(place: Place, name: str) -> None:
    assert await place.cluster.patch(CONFIG_MAPS, place.namespace, name, {"data": {"a": "1"}}) is None
    assert await place.cluster.patch_status(INGRESSES, place.namespace, name, {"status": {}}) is None
    await place.cluster.delete(CONFIG_MAPS, place.namespace, name)
    assert await place.cluster.get(CONFIG_MAPS, place.namespace, name) is None
    assert await place.cluster.get(INGRESSES, place.namespace, name) is None


async def test_a_deleted_object_is_gone(place: Place, name: str) -> None:
    await place.cluster.create(CONFIG_MAPS, place.config_map(name, {}))
    await place.cluster.delete(CONFIG_MAPS, place.namespace, name)
    assert await place.cluster.get(CONFIG_MAPS, place.namespace, name) is None


async def test_a_list_holds_what_all_labels_match_in_this_namespace_and_in_all(place: Place, name: str) -> None:
    for suffix, labels in {"a": {"x": name, "y": "1"}, "b": {"x": name, "y": "2"}, "c": {"y": "1"}}.items():
        await place.cluster.create(CONFIG_MAPS, place.config_map(f"{name}-{suffix}", {}, labels=labels))

    async def names(namespace: str | None, selector: str) -> list[str]:
        return sorted(o["metadata"]["name"] for o in await place.cluster.list(CONFIG_MAPS, namespace, selector))

    assert await names(place.namespace, f"x={name}") == [f"{name}-a", f"{name}-b"]
    assert await names(None, f"x={name}") == [f"{name}-a", f"{name}-b"]
    assert await names(place.namespace, f"x={name},y=1") == [f"{name}-a"]
    assert await names(place.namespace, f"x={name},y=3") == []
    assert {f"{name}-a", f"{name}-b", f"{name}-c"} <= set(await names(place.namespace, ""))


async def test_a_status_patch_touches_neither_spec_nor_generation(place: Place, name: str) -> None:
    await place.cluster.create(INGRESSES, place.ingress(name, "first"))
    before = await place.found(INGRESSES, name)
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    await place.cluster.patch_status(INGRESSES, place.namespace, name, {"status": status})
    after = await place.found(INGRESSES, name)
    assert after["status"] == status
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    await place.cluster.patch_status(INGRESSES, place.namespace, name, {"status": {"loadBalancer": {"ingress": None}}})
    assert (await place.found(INGRESSES, name))["status"] == {"loadBalancer": {}}


async def test_generation_moves_when_and_only_when_the_spec_does(place: Place, name: str) -> None:
    async def generation() -> int:
        return int((await place.found(INGRESSES, name))["metadata"]["generation"])

    await place.cluster.apply(INGRESSES, place.ingress(name, "first"))
    assert await generation() == 1
    await place.cluster.apply(INGRESSES, place.ingress(name, "first"))
    await place.cluster.patch(INGRESSES, place.namespace, name, {"metadata": {"labels": {"a": "1"}}})
    assert await generation() == 1
    patch = {"spec": {"defaultBackend": {"service": {"name": "second"}}}}
    await place.cluster.patch(INGRESSES, place.namespace, name, patch)
    assert await generation() == 2
    await place.cluster.apply(INGRESSES, place.ingress(name, "third"))
    assert await generation() == 3


async def test_the_log_of_an_absent_pod_is_empty(place: Place, name: str) -> None:
    assert await place.cluster.tail(place.namespace, name, 20) == ""


async def test_what_the_server_finds_invalid_is_rejected_in_its_own_words(real: Place, name: str) -> None:
    body = real.ingress(name, "Not A Name")
    for write in (real.cluster.create, real.cluster.apply):
        with pytest.raises(RejectedError, match="Invalid value"):
            await write(INGRESSES, body)


async def test_a_namespace_that_is_missing_is_a_rejection_not_an_absence(real: Place, name: str) -> None:
    with pytest.raises(RejectedError, match="not found"):
        await Place(real.cluster, f"missing-{name}").cluster.create(
            CONFIG_MAPS, Place(real.cluster, f"missing-{name}").config_map(name, {})
        )
