"""The fence that writes pass: open for as long as the replica holds the Lease, by its own clock."""

import asyncio

import pytest
from tests.fakes.virtual_time import in_virtual_time, now

from millwright.leadership import LeaseFence
from millwright.ports import DependencyError


async def passed(fence: LeaseFence, seconds: float) -> float:
    """How long a call took that wants so many seconds."""
    began = now()
    async with fence.passing():
        await asyncio.sleep(seconds)
    return now() - began


def test_a_closed_fence_lets_no_call_begin() -> None:
    async def run() -> None:
        fence = LeaseFence(now)
        begun = False
        with pytest.raises(DependencyError, match="does not hold it"):
            async with fence.passing():
                begun = True
        assert not begun
        fence.open_until(now() + 8)
        await asyncio.sleep(8)
        assert not fence.is_open()
        with pytest.raises(DependencyError):
            await passed(fence, 0)

    in_virtual_time(run())


def test_a_call_ends_with_the_right_to_write_and_may_go_on_when_that_is_prolonged() -> None:
    async def run() -> None:
        fence = LeaseFence(now)
        fence.open_until(8)
        short, long = asyncio.create_task(passed(fence, 10)), asyncio.create_task(passed(fence, 100))
        await asyncio.sleep(4)
        fence.open_until(12)
        assert await short == 10
        with pytest.raises(DependencyError, match="does not hold it"):
            await long
        assert now() == 12
        fence.open_until(20)
        assert await passed(fence, 5) == 5

    in_virtual_time(run())


def test_a_call_that_fails_by_itself_fails_as_without_a_fence() -> None:
    async def run() -> None:
        fence = LeaseFence(now)
        fence.open_until(8)
        with pytest.raises(ValueError, match="its own"):
            async with fence.passing():
                raise ValueError("its own")

    in_virtual_time(run())


def test_a_machine_that_slept_through_its_term_wakes_up_to_a_closed_fence() -> None:
    async def run() -> None:
        slept = 0.0
        fence = LeaseFence(lambda: now() + slept)
        fence.open_until(8)
        slept = 60
        assert not fence.is_open()
        with pytest.raises(DependencyError):
            await passed(fence, 0)

    in_virtual_time(run())
