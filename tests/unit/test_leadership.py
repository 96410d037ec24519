"""Replicas that contend for a Lease, in virtual time: one works, and the next one comes soon."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from tests.fakes.lease import FakeLease
from tests.fakes.virtual_time import in_virtual_time, now
from tests.unit.replicas import HANDOVER_SECONDS, Replica

from millwright.core.leadership import RENEW_SECONDS, RETRY_SECONDS, LeaseRecord
from millwright.ports import DependencyError


class Line:
    """A replica's way to the Lease, which may be cut."""

    def __init__(self, lease: FakeLease) -> None:
        self._lease = lease
        self.cut = False

    async def read(self) -> LeaseRecord | None:
        self._check()
        return await self._lease.read()

    async def write(self, record: LeaseRecord, over: LeaseRecord | None) -> LeaseRecord:
        self._check()
        return await self._lease.write(record, over)

    def _check(self) -> None:
        if self.cut:
            raise DependencyError("kubernetes", "no route to host")


@dataclass
class Two:
    """Two replicas, the first of which leads."""

    lease: FakeLease = field(default_factory=FakeLease)

    async def lead(self) -> None:
        self.line = Line(self.lease)
        self.first, self.second = Replica(self.line, "first"), Replica(self.lease, "second")
        self.first.start()
        await asyncio.sleep(0.1)
        self.second.start()
        await asyncio.sleep(60)
        assert self.first.works and not self.second.began

    async def end(self) -> None:
        await self.first.stop()
        await self.second.stop()


def story(tell: Callable[[Two], Awaitable[None]]) -> None:
    """Runs what happens to two replicas in virtual time."""

    async def run() -> None:
        two = Two()
        await two.lead()
        await tell(two)
        await two.end()

    in_virtual_time(run())


def test_one_leads_for_as_long_as_it_renews_and_the_other_stands_by() -> None:
    async def tell(two: Two) -> None:
        await asyncio.sleep(3600)
        assert two.first.works and not two.second.began
        assert two.lease.there is not None and two.lease.there.transitions == 0

    story(tell)


def test_at_an_orderly_end_the_next_one_need_not_wait() -> None:
    async def tell(two: Two) -> None:
        told = now()
        await two.first.stop()
        assert not two.first.works
        await asyncio.sleep(60)
        assert two.second.works and two.second.began[0] - told <= RETRY_SECONDS

    story(tell)


def test_after_a_crash_the_next_one_begins_within_the_lease_and_a_look() -> None:
    async def tell(two: Two) -> None:
        crashed = now()
        two.line.cut = True  # nobody hears of it any more
        await asyncio.sleep(60)
        assert two.second.works and two.second.began[0] - crashed <= HANDOVER_SECONDS

    story(tell)


def test_who_cannot_renew_stops_before_the_other_begins_and_stands_by_when_it_can_again() -> None:
    async def tell(two: Two) -> None:
        two.line.cut = True
        await asyncio.sleep(60)
        assert two.first.ended[0] < two.second.began[0]
        two.line.cut = False
        await asyncio.sleep(60)
        assert two.second.works and not two.first.works
        await two.second.stop()
        await asyncio.sleep(60)
        assert two.first.works

    story(tell)


def test_a_short_silence_of_the_api_server_ends_nobody_s_term() -> None:
    async def tell(two: Two) -> None:
        two.line.cut = True
        await asyncio.sleep(RENEW_SECONDS - 2 * RETRY_SECONDS)
        two.line.cut = False
        await asyncio.sleep(60)
        assert two.first.ended == [] and not two.second.began

    story(tell)


def test_a_lease_that_was_deleted_is_made_again_by_who_holds_it() -> None:
    async def tell(two: Two) -> None:
        two.lease.there = None
        await asyncio.sleep(60)
        assert two.first.ended == [] and not two.second.began
        assert two.lease.there is not None

    story(tell)


def test_who_finds_another_in_the_lease_stops_at_once() -> None:
    async def tell(two: Two) -> None:
        two.lease.there = LeaseRecord("written by hand", version="by hand")
        await asyncio.sleep(RETRY_SECONDS)
        assert not two.first.works and not two.first.fence.is_open()
        await asyncio.sleep(HANDOVER_SECONDS)
        assert two.first.works != two.second.works

    story(tell)


def test_work_that_fails_ends_the_replica_and_gives_the_lease_back() -> None:
    async def fail() -> None:
        raise ValueError("a defect")

    async def tell(two: Two) -> None:
        await two.first.stop()
        await two.second.stop()
        failing = Replica(two.lease, "failing")
        with pytest.raises(ExceptionGroup):
            await failing.leadership.run(fail)
        assert two.lease.there is not None and two.lease.there.released

    story(tell)
