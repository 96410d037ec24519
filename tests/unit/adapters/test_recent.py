"""Reading at most once an interval."""

import asyncio
from collections.abc import Callable

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


def moments(*times: float) -> Callable[[], float]:
    """A clock that is looked at then."""
    return iter(times).__next__


async def test_callers_that_come_at_once_share_one_reading() -> None:
    reads = Reads()
    recent = Recent(60.0, reads.read)
    assert await asyncio.gather(*(recent.of("a") for _ in range(5))) == [1] * 5
    assert await recent.of("b") == 2
    assert reads.keys == ["a", "b"]


async def test_what_is_forgotten_or_too_old_is_read_again() -> None:
    recent = Recent(60.0, Reads().read, moments(0, 0, 59, 60, 60, 61, 61))
    assert [await recent.of("a") for _ in range(3)] == [1, 1, 2]
    recent.forget("a")
    assert await recent.of("a") == 3


async def test_what_took_long_to_read_is_kept_longer() -> None:
    recent = Recent(1.0, Reads().read, moments(0, 10, 19, 20, 20))
    assert [await recent.of("a") for _ in range(3)] == [1, 1, 2]


async def test_what_was_changed_is_so_without_reading_and_what_was_not_read_is_not_changed() -> None:
    reads = Reads()
    recent = Recent(60.0, reads.read)
    await recent.of("a")
    for key in ("a", "b"):
        recent.change(key, lambda value: value + 10)
    assert (await recent.of("a"), await recent.of("b")) == (11, 2)


async def test_a_reading_that_failed_is_not_kept() -> None:
    recent = Recent(60.0, Reads(failures=1).read)
    with pytest.raises(ConnectionError):
        await recent.of("a")
    assert await recent.of("a") == 2
