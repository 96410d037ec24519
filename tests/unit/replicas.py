"""A replica of the operator that contends for the Lease, in virtual time."""

import asyncio
from contextlib import suppress

from tests.fakes.virtual_time import now

from millwright.core.leadership import LEASE_SECONDS, RETRY_SECONDS
from millwright.leadership import Leadership, LeaseFence
from millwright.ports import Lease

HANDOVER_SECONDS = LEASE_SECONDS + RETRY_SECONDS


class Replica:
    """A process of the operator: its clock, its fence, and when it worked."""

    def __init__(self, lease: Lease, identity: str, pace: float = 1.0) -> None:
        """`pace`: of its clock."""
        self.fence = LeaseFence(lambda: 1000 + pace * now())
        self.leadership = Leadership(lease, identity, self.fence, lambda: 1000 + pace * now())
        self.began: list[float] = []
        self.ended: list[float] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.leadership.run(self._work))

    async def stop(self) -> None:
        """As on SIGTERM."""
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    @property
    def works(self) -> bool:
        return len(self.began) > len(self.ended)

    async def _work(self) -> None:
        self.began.append(now())
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(now())
