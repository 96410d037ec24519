import asyncio
import gc
import threading
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.serving import packages

from millwright_serving.errors import RequestError
from millwright_serving.many.cache import ModelCache
from millwright_serving.many.metrics import MOST_LABELLED, ManyMetrics
from millwright_serving.package import PackageError
from millwright_serving.served import load_served
from millwright_serving.settings import ManyModels, ModelVersion

DIGEST = "sha256:" + "a" * 64
VERSIONS = [ModelVersion(f"m{index}", "1", "/p", DIGEST) for index in range(8)]
A, B, C, D, *_ = VERSIONS


class Loader:
    """Gives each version itself for a model, of size 1 where nothing else is said; it is also the memory."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes
        self.asked: Counter[str] = Counter()
        self.broken: dict[str, Exception] = {}
        self.may_end = threading.Event()
        self.may_end.set()
        self.under_way = self.most_under_way = 0
        self._lock = threading.Lock()
        self.cache: ModelCache | None = None

    def __call__(self, wanted: ModelVersion) -> Any:
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        self.may_end.wait(10)
        self.asked[wanted.name] += 1
        with self._lock:
            self.under_way -= 1
        if wanted.name in self.broken:
            raise self.broken[wanted.name]
        return wanted

    def resident_bytes(self) -> int:
        assert self.cache is not None
        return sum(self.sizes.get(one.name, 1) for one in VERSIONS if self.cache.state(one)[0] == "READY")

    def give_back(self) -> None:
        pass


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def caching(loader: Loader, budget: int = 100, max_loads: int = 4, clock: Clock | None = None) -> ModelCache:
    chosen = ManyModels(Path("/lists"), budget, max_loads, retry_seconds=30)
    cache = ModelCache(loader, chosen, loader, ManyMetrics(CollectorRegistry()), clock or Clock())
    loader.cache = cache
    await cache.keep(VERSIONS)
    return cache


async def say(model: Any) -> str:
    return str(model.name)


def held(cache: ModelCache) -> list[str]:
    return [one.name for one in VERSIONS if cache.state(one)[0] == "READY"]


async def until_loading(loader: Loader, count: int) -> None:
    async with asyncio.timeout(10):
        while loader.under_way < count:  # noqa: ASYNC110 - it is counted by threads
            await asyncio.sleep(0.001)


async def test_a_model_is_loaded_at_the_first_request_only() -> None:
    cache = await caching(loader := Loader())

    assert [await cache.use(A, say) for _ in range(3)] == ["m0"] * 3
    assert loader.asked == {"m0": 1}


async def test_requests_that_come_at_once_wait_for_one_load() -> None:
    cache = await caching(loader := Loader())

    assert await asyncio.gather(*(cache.use(A, say) for _ in range(20))) == ["m0"] * 20
    assert loader.asked == {"m0": 1}


async def test_a_request_that_leaves_does_not_take_the_load_from_the_others() -> None:
    cache = await caching(loader := Loader())
    loader.may_end.clear()
    first, second = (asyncio.create_task(cache.use(A, say)) for _ in range(2))
    await until_loading(loader, 1)

    first.cancel()
    loader.may_end.set()

    assert await second == "m0" and loader.asked == {"m0": 1}


async def test_only_so_many_are_loaded_at_once() -> None:
    cache = await caching(loader := Loader(), max_loads=2)
    loader.may_end.clear()
    asked = [asyncio.create_task(cache.use(one, say)) for one in VERSIONS]
    await until_loading(loader, 2)
    states = Counter(cache.state(one)[0] for one in VERSIONS)
    loader.may_end.set()

    await asyncio.gather(*asked)

    assert loader.most_under_way == 2 and states == {"LOADING": 8}


async def test_what_was_not_used_for_longest_makes_room() -> None:
    cache = await caching(Loader(), budget=2)
    for one in (A, B, A, C):
        await cache.use(one, say)

    assert held(cache) == ["m0", "m2"]


async def test_a_model_that_needs_the_room_of_several_gets_it() -> None:
    cache = await caching(Loader(m3=3), budget=4)
    for one in (A, B, C, D):
        await cache.use(one, say)

    assert held(cache) == ["m2", "m3"]


async def test_a_model_that_a_request_uses_is_not_dropped() -> None:
    cache = await caching(Loader(), budget=1)
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slow(model: Any) -> str:
        began.set()
        await may_end.wait()
        return await say(model)

    using = asyncio.create_task(cache.use(A, slow))
    await began.wait()
    await cache.use(B, say)
    while_used = held(cache)
    may_end.set()

    assert await using == "m0" and while_used == ["m0", "m1"]
    await cache.use(C, say)
    assert held(cache) == ["m2"]


async def test_a_model_that_alone_is_over_the_budget_is_refused_and_not_kept() -> None:
    cache = await caching(Loader(m0=5), budget=4)

    with pytest.raises(RequestError, match=r"m0, version 1, cannot be served: It needs more memory than there is"):
        await cache.use(A, say)

    assert held(cache) == [] and await cache.use(B, say) == "m1"


async def test_a_broken_model_is_told_and_tried_again_after_a_while() -> None:
    cache = await caching(loader := Loader(), clock=(clock := Clock()))
    loader.broken["m0"] = PackageError("There is no package at /p.")

    with pytest.raises(RequestError, match=r"There is no package at /p\.") as first:
        await cache.use(A, say)
    clock.now = 10.0
    with pytest.raises(RequestError, match=r"There is no package at /p\. It is tried again in 20 s\."):
        await cache.use(A, say)
    assert (first.value.status, loader.asked, cache.state(A)) == (
        503,
        {"m0": 1},
        ("UNAVAILABLE", "There is no package at /p."),
    )

    clock.now = 30.0
    loader.broken.clear()
    assert await cache.use(A, say) == "m0"


async def test_whatever_a_library_raises_is_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    cache = await caching(loader := Loader())
    loader.broken["m0"] = ZeroDivisionError("x")

    with pytest.raises(RequestError, match="It could not be loaded: ZeroDivisionError: x"):
        await cache.use(A, say)

    assert [record.message for record in caplog.records] == [
        "A model could not be loaded.",
        "A model cannot be served.",
    ]


async def test_whoever_asks_for_a_load_does_not_wait_for_the_while() -> None:
    cache = await caching(loader := Loader())
    loader.broken["m0"] = PackageError("x")
    with pytest.raises(RequestError):
        await cache.use(A, say)
    loader.broken.clear()

    await cache.load(A)

    assert held(cache) == ["m0"]


async def test_what_is_unloaded_is_loaded_again_by_need() -> None:
    cache = await caching(loader := Loader())
    await cache.use(A, say)

    await cache.unload(A)
    await cache.unload(B)

    assert cache.state(A) == ("UNAVAILABLE", "not loaded")
    assert await cache.use(A, say) == "m0" and loader.asked == {"m0": 2}


async def test_what_is_not_listed_any_more_is_dropped() -> None:
    cache = await caching(Loader())
    for one in (A, B):
        await cache.use(one, say)

    await cache.keep([B])

    assert held(cache) == ["m1"]


async def test_what_is_taken_from_the_lists_while_it_is_loaded_answers_once_and_is_not_kept() -> None:
    cache = await caching(loader := Loader())
    loader.may_end.clear()
    asked = asyncio.create_task(cache.use(A, say))
    await until_loading(loader, 1)

    await cache.keep([B])
    loader.may_end.set()

    assert await asked == "m0" and held(cache) == []


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=4), max_size=12),
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
    st.integers(3, 9),
)
def test_whatever_is_asked_each_gets_its_model_and_the_budget_holds_at_rest(
    rounds: list[list[int]], sizes: list[int], budget: int
) -> None:
    async def run() -> None:
        loader = Loader(**{f"m{index}": size for index, size in enumerate(sizes)})
        cache = await caching(loader, budget)
        for asked in rounds:
            answers = await asyncio.gather(*(cache.use(VERSIONS[index], say) for index in asked))
            assert answers == [f"m{index}" for index in asked]
            assert not cache.loading and loader.resident_bytes() <= budget

    asyncio.run(run())


def test_a_model_that_is_dropped_is_gone_without_a_collection_of_garbage(tmp_path: Path) -> None:
    manifest, _ = packages.onnx_package(tmp_path)
    model = load_served(ModelVersion("m", "1", str(tmp_path), manifest.digest), tmp_path)
    gone = weakref.ref(model.model)
    gc.collect()
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_only_so_many_models_have_series_of_their_own() -> None:
    metrics = ManyMetrics(registry := CollectorRegistry())
    for index in range(MOST_LABELLED + 2):
        for _ in range(2):
            metrics.answered(ModelVersion(f"m{index}", "1", "/p", DIGEST), 200)

    def count(model: str, version: str = "1") -> float | None:
        labels = {"model": model, "version": version, "code": "200"}
        return registry.get_sample_value("millwright_serving_model_requests_total", labels)

    assert (count("m0"), count(f"m{MOST_LABELLED - 1}"), count(f"m{MOST_LABELLED}")) == (2, 2, None)
    assert count("_others", "") == 4
