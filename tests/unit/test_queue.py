"""The queue: one worker per key, events coalesced, failures tried again."""

import asyncio

from millwright.ports import DependencyError
from millwright.queue import KeyedQueue, stop


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
