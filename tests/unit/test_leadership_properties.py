"""Never two replicas may write, whatever their clocks, the network and the API server do."""

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.lease import FakeLease
from tests.fakes.virtual_time import in_virtual_time
from tests.unit.replicas import HANDOVER_SECONDS, Replica

from millwright.core.leadership import LeaseRecord
from millwright.ports import DependencyError


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


@settings(max_examples=200)
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
