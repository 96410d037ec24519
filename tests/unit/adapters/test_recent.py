"""Reading at most once an interval."""

import asyncio

import pytest

from millwright.adapters.recent import Recent


class Reads:
    """Counts what is read; the first `failures` readings fail."""

    def __init__(self, failures: int = 0) -> None:
        self.keys: list[str] = []
        self._failures = failures

    async def read(self, key: str) -> int:
        self.keys.append(key)
        await asyncio.sleep(0)
        if len(self.keys) <= self._failures:
            raise ConnectionError
        return len(self.keys)


async def test_callers_that_come_at_once_share_one_reading() -> None:
    reads = Reads()
    recent = Recent(60.0, reads.read)
    assert await asyncio.gather(*(recent.of("a") for _ in range(5))) == [1] * 5
    assert await recent.of("b") == 2
    assert reads.keys == ["a", "b"]


async def test_what_is_forgotten_or_too_old_is_read_again() -> None:
    recent, stale = Recent(60.0, Reads().read), Recent(0.0, Reads().read)
    first = await recent.of("a")
    recent.forget("a")
    assert (first, await recent.of("a")) == (1, 2)
    assert (await stale.of("a"), await stale.of("a")) == (1, 2)


async def test_a_reading_that_failed_is_not_kept() -> None:
    recent = Recent(60.0, Reads(failures=1).read)
    with pytest.raises(ConnectionError):
        await recent.of("a")
    assert await recent.of("a") == 2
