"""One replica writes: it holds the Lease, and a fence ends every call of it that would outlive its right to write."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from millwright import telemetry
from millwright.core.leadership import (
    RENEW_SECONDS,
    RETRY_SECONDS,
    LeaseRecord,
    Sighting,
    claimed,
    given_back,
    seconds_to_wait,
    sighting,
)
from millwright.ports import DependencyError, Lease, RejectedError

ATTEMPT_SECONDS = RENEW_SECONDS / 2
Work = Callable[[], Coroutine[Any, Any, None]]
logger = logging.getLogger(__name__)


class LeaseFence:
    """What `passing` of it makes is a ports.Fence. Open until a moment that each renewal puts off."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds that go on while the process, or the whole machine, is stopped."""
        self._clock = clock
        self._until = float("-inf")
        self._calls: set[asyncio.Timeout] = set()

    def is_open(self) -> bool:
        """Whether this process may write now."""
        return self._seconds_left() > 0

    def open_until(self, moment: float) -> None:
        """Calls under way may take until then, too."""
        self._until = moment
        end = asyncio.get_running_loop().time() + self._seconds_left()
        for call in self._calls:
            if not call.expired():
                call.reschedule(end)

    def close(self) -> None:
        """Ends the calls under way."""
        self.open_until(float("-inf"))

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """For one call. A process that was stopped in the midst of it wakes up to its end, not to the rest of it."""
        left = self._seconds_left()
        if left <= 0:
            raise _not_leading()
        try:
            async with asyncio.timeout(left) as call:
                self._calls.add(call)
                try:
                    yield
                finally:
                    self._calls.remove(call)
        except TimeoutError:
            raise _not_leading() from None

    def _seconds_left(self) -> float:
        return self._until - self._clock()


def _not_leading() -> DependencyError:
    return DependencyError("lease", "this replica does not hold it any more; the one that does goes on")


class Leadership:
    """Contends for the Lease, and has work done while it holds it."""

    def __init__(self, lease: Lease, identity: str, fence: LeaseFence, clock: Callable[[], float]) -> None:
        """`identity`: of this process; no other one, and none after it, may have the same."""
        self._lease = lease
        self._identity = identity
        self._fence = fence
        self._clock = clock
        self._seen: Sighting | None = None
        telemetry.LEADER.set_function(fence.is_open)

    async def run(self, work: Work) -> None:
        """Has endless work done while this process leads. Cancelled, it gives the Lease back."""
        try:
            while True:
                await self._follow()
                logger.info("%s leads", self._identity)
                await self._lead(work)
                logger.warning("%s does not lead any more", self._identity)
        finally:
            await self._give_back()

    async def _follow(self) -> None:
        await self.look()
        while not self._fence.is_open():
            wait = seconds_to_wait(self._identity, self._seen, self._clock())
            await asyncio.sleep(min(wait, RETRY_SECONDS) if wait > 0 else RETRY_SECONDS)
            await self.look()

    async def _lead(self, work: Work) -> None:
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            while self._fence.is_open():
                await asyncio.sleep(RETRY_SECONDS)
                await self.look()
            working.cancel()

    async def look(self) -> None:
        """Looks at the Lease once; takes or renews it where it may. What goes wrong is left to the next look."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await self._take_or_leave()
        except (DependencyError, RejectedError, TimeoutError) as error:
            logger.warning("no look at the Lease: %s", error or type(error).__name__)

    async def _take_or_leave(self) -> None:
        there = await self._lease.read()
        self._seen = sighting(self._seen, there, self._clock())
        if seconds_to_wait(self._identity, self._seen, self._clock()) > 0:
            self._fence.close()
            return
        sent = self._clock()
        written = await self._lease.write(claimed(self._identity, self._known()), over=there)
        self._seen = sighting(self._seen, written, self._clock())
        self._fence.open_until(sent + RENEW_SECONDS)

    async def _give_back(self) -> None:
        """The next one need not wait: all calls have ended by now."""
        self._fence.close()
        mine = self._known()
        if mine is None or mine.holder != self._identity:
            return
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await self._lease.write(given_back(mine), over=mine)
        except (DependencyError, RejectedError, TimeoutError) as error:
            logger.warning("the Lease could not be given back: %s", error or type(error).__name__)

    def _known(self) -> LeaseRecord | None:
        return self._seen.record if self._seen else None
