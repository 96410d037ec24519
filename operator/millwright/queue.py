"""A keyed work queue: one worker per key at a time, events coalesced, failures retried with backoff and jitter."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from millwright import telemetry
from millwright.ports import DependencyError, RejectedError

Key = TypeVar("Key", bound=Hashable)
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0
REJECTED_RETRY_SECONDS = 300.0
logger = logging.getLogger(__name__)


class KeyedQueue(Generic[Key]):
    """Calls `work(key)` for every key that was added; what it returns is when to look again (seconds or None).

    From the end of a look at a key to the next one pass `rest` seconds at least: all calls meanwhile are one look.
    """

    def __init__(
        self, name: str, work: Callable[[Key], Awaitable[float | None]], workers: int = 8, rest: float = 0.0
    ) -> None:
        self._name = name
        self._work = work
        self._workers = workers
        self._rest = rest
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._resting: dict[Key, asyncio.TimerHandle] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        telemetry.QUEUE_DEPTH.labels(name).set_function(lambda: len(self._queued))

    def add(self, key: Key) -> None:
        """Look at this key soon. Many calls before its turn are one look; a call during it is one more after."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Look at this key in so many seconds, unless something calls for it before."""
        if key in self._queued:
            return
        old = self._timers.pop(key, None)
        if old is not None:
            old.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.add, key)

    async def run(self) -> None:
        """Works until cancelled. What was under way or had a time is then waiting, for when it is run again."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._worker())
        finally:
            left = (*self._active, *self._timers)
            for timer in self._resting.values():
                timer.cancel()
            self._resting.clear()
            self._active.clear()
            self._again.clear()
            for key in left:
                self.add(key)

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._active.add(key)
            delay = await self._attempt(key)
            if self._rest:
                self._resting[key] = asyncio.get_running_loop().call_later(self._rest, self._leave, key, delay)
            else:
                self._leave(key, delay)

    def _leave(self, key: Key, delay: float | None) -> None:
        """From now on the key may be looked at again."""
        self._resting.pop(key, None)
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        elif delay is not None:
            self.add_after(key, max(delay - self._rest, 0.0))

    async def _attempt(self, key: Key) -> float | None:
        started = time.monotonic()
        try:
            delay = await self._work(key)
            self._failures.pop(key, None)
            outcome = "success"
        except DependencyError as error:
            delay, outcome = self._backoff(key), "dependency"
            logger.warning("%s %s: %s; trying again in %.1f s", self._name, key, error, delay)
        except RejectedError as error:
            self._failures.pop(key, None)
            delay, outcome = REJECTED_RETRY_SECONDS, "rejected"
            logger.warning("%s %s: %s; waiting for a change", self._name, key, error)
        except Exception:
            delay, outcome = self._backoff(key), "error"
            logger.exception("%s %s: unexpected error; trying again in %.1f s", self._name, key, delay)
        telemetry.RECONCILES.labels(self._name, outcome).inc()
        telemetry.RECONCILE_SECONDS.labels(self._name).observe(time.monotonic() - started)
        return delay

    def _backoff(self, key: Key) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        longest: float = min(FIRST_RETRY_SECONDS * 2 ** (failures - 1), LONGEST_RETRY_SECONDS)
        return longest * random.uniform(0.5, 1.0)


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancels a queue's task and waits until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
