"""The only place of the suite that waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_SECONDS = 0.25


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = 60.0) -> T:
    """The first result that is true. Raises AssertionError with the last look when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}; last seen: {found}"
        await asyncio.sleep(PAUSE_SECONDS)
    return found
