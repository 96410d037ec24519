"""What is kept of what was seen, and for how long."""

import pytest
from tests.fakes.cluster import FakeCluster
from tests.fakes.world import KEY, model

from millwright.core.execution import ObjectKey
from millwright.ports import MODELS, ConflictError, Manifest
from millwright.reconcilers.object_cache import TRUSTED_SECONDS, ObjectCache, Reader


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def seen(version: int, owner: str, name: str = KEY.name, **metadata: object) -> Manifest:
    body = model(owner=owner)
    return body | {"metadata": {"name": name, "namespace": KEY.namespace, "resourceVersion": str(version)} | metadata}


def owner(cache: ObjectCache) -> str | None:
    body = cache.get(MODELS, KEY)
    return body["spec"]["owner"] if body else None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([], None, id="nothing is known"),
        pytest.param([seen(9, "a"), seen(10, "b")], "b", id="the later one is newer"),
        pytest.param([seen(10, "a"), seen(9, "b")], "a", id="the later one is older, and numbers are no words"),
        pytest.param([seen(9, "a", uid="1"), seen(12, "b", uid="2")], "b", id="another was made under the name"),
        pytest.param([seen(12, "b", uid="2"), seen(9, "a", uid="1")], "b", id="and then comes late news of the first"),
    ],
)
def test_the_newest_that_was_told_is_known(told: list[Manifest], expected: str | None) -> None:
    cache = ObjectCache()
    for body in told:
        cache.learn(MODELS, body)
    assert owner(cache) == expected


def test_what_is_gone_is_forgotten_and_what_is_old_is_not_trusted_until_it_is_read_again() -> None:
    time = Time()
    cache = ObjectCache(time)
    cache.learn(MODELS, seen(9, "a"))
    cache.forget(MODELS, KEY)
    assert owner(cache) is None
    cache.learn(MODELS, seen(9, "a"))
    time.now += TRUSTED_SECONDS + 1
    assert owner(cache) is None
    cache.learn(MODELS, seen(9, "a"))
    assert owner(cache) == "a"


def test_what_is_given_out_is_a_copy_without_what_only_the_api_server_needs() -> None:
    cache = ObjectCache()
    cache.learn(MODELS, seen(9, "a", managedFields=[{}]))
    body = cache.get(MODELS, KEY)
    assert body is not None and "managedFields" not in body["metadata"]
    body["spec"]["owner"] = "b"
    assert owner(cache) == "a"


def test_of_too_many_those_go_that_were_not_told_of_for_longest() -> None:
    cache = ObjectCache(most=2)
    for name in ("a", "b", "a", "c"):
        cache.learn(MODELS, seen(9, "x", name))
    known = [name for name in "abc" if cache.get(MODELS, ObjectKey(KEY.namespace, name))]
    assert known == ["a", "c"]


async def test_what_was_taken_from_the_cache_is_confirmed_as_long_as_it_is_the_same_object() -> None:
    cluster, cache = FakeCluster(), ObjectCache()
    cache.learn(MODELS, cluster.put(MODELS, model(owner="a")))
    reader = Reader(cluster, cache)
    await reader.get(MODELS, KEY)
    await reader.confirm()
    cluster.put(MODELS, model(owner="b"))
    await reader.confirm((MODELS, KEY))
    with pytest.raises(ConflictError):
        await reader.confirm()
    assert owner(cache) == "b", "it has been read by that"


async def test_what_was_deleted_is_not_confirmed_and_is_known_no_more() -> None:
    cluster, cache = FakeCluster(), ObjectCache()
    cache.learn(MODELS, cluster.put(MODELS, model(owner="a")))
    await cluster.delete(MODELS, KEY.namespace, KEY.name)
    reader = Reader(cluster, cache)
    await reader.get(MODELS, KEY)
    with pytest.raises(ConflictError):
        await reader.confirm()
    assert await Reader(cluster, cache).get(MODELS, KEY) is None


async def test_a_live_reader_asks_and_tells_the_cache() -> None:
    cluster, cache = FakeCluster(), ObjectCache()
    cache.learn(MODELS, cluster.put(MODELS, model(owner="a")))
    cluster.put(MODELS, model(owner="b"))
    body = await Reader(cluster, cache, live=True).get(MODELS, KEY)
    assert body is not None and body["spec"]["owner"] == owner(cache) == "b"
