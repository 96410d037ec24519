"""Replicas that contend for a Lease, in virtual time: one works, the next one comes soon, and never two may write."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.lease import FakeLease
from tests.fakes.virtual_time import in_virtual_time, now

from millwright.core.leadership import LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, LeaseRecord
from millwright.leadership import Leadership, LeaseFence
from millwright.ports import DependencyError, Lease

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


@dataclass(frozen=True)
class Look:
    """How one look of a replica goes. Latencies are in seconds; `lost` is the reply to a write."""

    pause: float
    read: float
    stale: int
    sending: float
    answering: float
    lost: bool
    reborn: bool


GOOD = Look(2.0, 0.0, 0, 0.0, 0.0, False, False)
latencies = st.sampled_from((0.0, 0.1, 1.0, 3.0, 5.0, 13.0))
bad_looks = st.builds(
    Look,
    pause=st.sampled_from((0.1, 2.0, 9.0, 20.0)),
    read=latencies,
    stale=st.sampled_from((0, 1, 3)),
    sending=latencies,
    answering=latencies,
    lost=st.booleans(),
    reborn=st.booleans(),
)
lives = st.tuples(
    st.sampled_from((0.85, 1.0, 1.2)), st.lists(st.one_of(*[st.just(GOOD)] * 6, bad_looks), min_size=8, max_size=24)
)


class History(FakeLease):
    """Remembers all versions, for reads that are late."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: list[LeaseRecord | None] = [None]

    async def write(self, record: LeaseRecord, over: LeaseRecord | None) -> LeaseRecord:
        written = await super().write(record, over)
        self.versions.append(written)
        return written


class Distant:
    """The Lease by a network and an API server that are slow, show old versions, and lose replies."""

    def __init__(self, lease: History) -> None:
        self._lease = lease
        self.way = GOOD

    async def read(self) -> LeaseRecord | None:
        found = self._lease.versions[-1 - min(self.way.stale, len(self._lease.versions) - 1)]
        await asyncio.sleep(self.way.read)
        return found

    async def write(self, record: LeaseRecord, over: LeaseRecord | None) -> LeaseRecord:
        await asyncio.sleep(self.way.sending)
        written = await self._lease.write(record, over)
        await asyncio.sleep(self.way.answering)
        if self.way.lost:
            raise DependencyError("kubernetes", "connection reset")
        return written


@settings(max_examples=200, deadline=None)
@given(st.lists(lives, min_size=2, max_size=3))
def test_never_two_may_write_whatever_happens_and_one_does_when_it_is_over(
    plans: list[tuple[float, list[Look]]],
) -> None:
    async def run() -> None:
        lease = History()
        ways = [Distant(lease) for _ in plans]
        replicas = [Replica(ways[i], f"{i}", pace) for i, (pace, _) in enumerate(plans)]

        async def live(i: int, pace: float, plan: list[Look]) -> None:
            for number, look in enumerate(plan):
                await asyncio.sleep(look.pause)
                ways[i].way = look
                if look.reborn:  # whoever was killed writes no more
                    replicas[i].fence.close()
                    replicas[i] = Replica(ways[i], f"{i}-{number}", pace)
                await replicas[i].leadership.look()
                assert sum(replica.fence.is_open() for replica in replicas) <= 1

        await asyncio.gather(*(live(i, pace, plan) for i, (pace, plan) in enumerate(plans)))
        for way, replica in zip(ways, replicas, strict=True):
            way.way = GOOD
            replica.start()
        await asyncio.sleep(2 * HANDOVER_SECONDS)
        assert [replica.works for replica in replicas].count(True) == 1
        assert sum(replica.fence.is_open() for replica in replicas) == 1
        for replica in replicas:
            await replica.stop()

    in_virtual_time(run())
