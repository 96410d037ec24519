"""A Lease in memory."""

import dataclasses

from millwright.core.leadership import LeaseRecord
from millwright.ports import DependencyError


class FakeLease:
    """Implements ports.Lease; `there` is what stands."""

    def __init__(self) -> None:
        self.there: LeaseRecord | None = None
        self.writes = 0

    async def read(self) -> LeaseRecord | None:
        return self.there

    async def write(self, record: LeaseRecord, over: LeaseRecord | None) -> LeaseRecord:
        if over != self.there:
            raise DependencyError("kubernetes", "409 the Lease has been modified")
        self.writes += 1
        self.there = dataclasses.replace(record, version=str(self.writes))
        return self.there
