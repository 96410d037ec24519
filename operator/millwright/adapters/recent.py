"""What was read a moment ago is read again only after an interval, whoever asks how often."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """One value for each key; callers that come at once share one reading."""

    def __init__(self, seconds: float, read: Callable[[Key], Awaitable[Value]]) -> None:
        """`seconds`: how old a value may be, counted from when its reading began."""
        self._seconds = seconds
        self._read = read
        self._values: dict[Key, tuple[float, Value]] = {}
        self._locks: dict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, key: Key) -> Value:
        """Not older than the interval. Raises what reading raises; then nothing is kept."""
        async with self._locks[key]:
            begun = time.monotonic()
            if key in self._values and begun - self._values[key][0] < self._seconds:
                return self._values[key][1]
            value = await self._read(key)
            self._values[key] = (begun, value)
            return value

    def forget(self, key: Key) -> None:
        """What was read is not true any more: we changed it ourselves."""
        self._values.pop(key, None)
