"""What was read a moment ago is read again only after an interval, whoever asks how often."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
TIMES_ITS_READING = 2.0


class Recent(Generic[Key, Value]):
    """One value for each key; callers that come at once share one reading."""

    def __init__(
        self, seconds: float, read: Callable[[Key], Awaitable[Value]], now: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds`: how old a value may be, counted from when its reading began.

        One that took long to read may be older: reading must not become all that is done.
        """
        self._seconds = seconds
        self._read = read
        self._now = now
        self._values: dict[Key, tuple[float, Value]] = {}  # with when it gets too old
        self._locks: dict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, key: Key) -> Value:
        """Not older than the interval. Raises what reading raises; then nothing is kept."""
        async with self._locks[key]:
            begun = self._now()
            if key in self._values and begun < self._values[key][0]:
                return self._values[key][1]
            value = await self._read(key)
            took = self._now() - begun
            self._values[key] = (begun + max(self._seconds, TIMES_ITS_READING * took), value)
            return value

    def change(self, key: Key, changed: Callable[[Value], Value]) -> None:
        """What was read is known to be otherwise now: we changed it ourselves."""
        if key in self._values:
            until, value = self._values[key]
            self._values[key] = (until, changed(value))

    def forget(self, key: Key) -> None:
        """What was read is not true any more: we changed it ourselves."""
        self._values.pop(key, None)
