"""Reading several things at once."""

import asyncio
from collections.abc import Awaitable
from typing import Any


async def together(*reads: Awaitable[Any]) -> tuple[Any, ...]:
    """The results, in order, when all have come. Raises the first error, in order, when all have ended."""
    results = await asyncio.gather(*reads, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(results)
