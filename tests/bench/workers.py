"""Work on many things by as many workers as the operator has."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

WORKERS = 8
Item = TypeVar("Item")


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """`work(item)` for all."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
