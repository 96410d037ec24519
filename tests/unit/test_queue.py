"""The queue: one worker per key, events coalesced, failures tried again."""

import asyncio
import time
from itertools import pairwise

import pytest

from millwright.ports import DependencyError, RejectedError
from millwright.queue import KeyedQueue, stop
from millwright.telemetry import RECONCILES


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await condition.wait()


async def test_many_calls_before_its_turn_are_one_look_and_a_call_during_it_is_one_more() -> None:
    looks: list[str] = []
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(key: str) -> None:
        looks.append(key)
        begun.set()
        await go_on.wait()
        if len(looks) == 2:
            done.set()

    queue: KeyedQueue[str] = KeyedQueue("test", work)
    for _ in range(5):
        queue.add("a")
    task = asyncio.create_task(queue.run())
    await until(begun)
    queue.add("a")
    queue.add("a")
    go_on.set()
    await until(done)
    await stop(task)
    assert looks == ["a", "a"]


async def test_a_failed_look_is_tried_again_and_other_keys_go_on() -> None:
    looks: list[str] = []
    done = asyncio.Event()

    async def work(key: str) -> None:
        looks.append(key)
        if looks.count("bad") == 2:
            done.set()
        if key == "bad":
            raise DependencyError("mlflow", "down")

    queue: KeyedQueue[str] = KeyedQueue("test", work, workers=1)
    queue.add("bad")
    queue.add("good")
    task = asyncio.create_task(queue.run())
    await until(done)
    await stop(task)
    assert looks == ["bad", "good", "bad"]


OUTCOMES = {
    "what was done is a success": (None, "success"),
    "what is down is a dependency": (DependencyError("mlflow", "down"), "dependency"),
    "what was refused is rejected": (RejectedError("quota"), "rejected"),
    "what nobody expected is an error": (KeyError("spec"), "error"),
}


@pytest.mark.parametrize(("raised", "outcome"), OUTCOMES.values(), ids=OUTCOMES.keys())
async def test_a_look_is_counted_by_its_outcome(raised: Exception | None, outcome: str) -> None:
    looked = asyncio.Event()

    async def work(key: str) -> None:
        looked.set()
        if raised is not None:
            raise raised

    queue: KeyedQueue[str] = KeyedQueue(f"counts {outcome}", work)
    task = asyncio.create_task(queue.run())
    queue.add("a")
    await until(looked)
    await stop(task)
    assert counted(f"counts {outcome}") == {outcome: 1.0}


def counted(kind: str) -> dict[str, float]:
    """Reconciles of a kind by outcome."""
    samples = (sample for metric in RECONCILES.collect() for sample in metric.samples)
    totals = [s for s in samples if s.name.endswith("_total") and s.labels["kind"] == kind]
    return {sample.labels["outcome"]: sample.value for sample in totals}


async def test_what_was_refused_is_looked_at_again_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: dict[str, float] = {}
    waited = asyncio.Event()

    async def work(key: str) -> None:
        raise RejectedError("quota")

    queue: KeyedQueue[str] = KeyedQueue("refused", work)

    def add_after(key: str, seconds: float) -> None:
        waits[key] = seconds
        waited.set()

    monkeypatch.setattr(queue, "add_after", add_after)
    task = asyncio.create_task(queue.run())
    queue.add("a")
    await until(waited)
    await stop(task)
    assert waits == {"a": 300.0}


async def test_what_was_under_way_or_had_a_time_is_looked_at_when_the_queue_is_run_again() -> None:
    looks: list[str] = []
    begun, done = asyncio.Event(), asyncio.Event()

    async def work(key: str) -> float | None:
        looks.append(key)
        if looks == ["soon", "slow"]:
            begun.set()
            await asyncio.Event().wait()
        if len(looks) == 4:
            done.set()
        return 3600.0 if key == "soon" else None

    queue: KeyedQueue[str] = KeyedQueue("test", work, workers=1)
    queue.add("soon")
    queue.add("slow")
    task = asyncio.create_task(queue.run())
    await until(begun)
    await stop(task)
    task = asyncio.create_task(queue.run())
    await until(done)
    await stop(task)
    assert sorted(looks[2:]) == ["slow", "soon"]


async def test_between_two_looks_at_a_key_it_rests_and_others_do_not_wait_for_it() -> None:
    looks: list[tuple[str, float]] = []
    done = asyncio.Event()

    async def work(key: str) -> None:
        looks.append((key, time.monotonic()))
        if key == "busy":
            queue.add("other")
            queue.add("busy")
            queue.add("busy")
        if [key for key, _ in looks].count("busy") == 3:
            done.set()

    queue: KeyedQueue[str] = KeyedQueue("test", work, workers=1, rest=0.2)
    queue.add("busy")
    task = asyncio.create_task(queue.run())
    await until(done)
    await stop(task)
    busy = [at for key, at in looks if key == "busy"]
    assert [key for key, _ in looks][:3] == ["busy", "other", "busy"]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(busy))


async def test_a_rest_that_ends_after_a_stop_leaves_one_look_at_a_time() -> None:
    at_once: list[int] = []
    under_way = 0

    async def work(key: str) -> float:
        nonlocal under_way
        under_way += 1
        at_once.append(under_way)
        await asyncio.sleep(0.15)
        under_way -= 1
        return 0.0

    queue: KeyedQueue[str] = KeyedQueue("test", work, workers=2, rest=0.1)
    queue.add("a")
    for _ in range(3):
        task = asyncio.create_task(queue.run())
        await asyncio.sleep(0.2)
        under_way = 0
        await stop(task)
    assert set(at_once) == {1}
