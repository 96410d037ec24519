"""The ledger: what went through the proxies, and what was done to it."""

from dataclasses import dataclass, field

from tests.campaign.calls import Call, Role
from tests.campaign.faults import Fault, What


@dataclass(frozen=True)
class Entry:
    """A call that reached what is behind the proxy, and how it was answered there."""

    at: float
    call: Call
    status: int
    fault: What | None = None


@dataclass(frozen=True)
class Injected:
    """A fault, when and where."""

    at: float
    call: Call
    fault: Fault


@dataclass
class Ledger:
    """What went through all proxies, and what was done to it."""

    entries: list[Entry] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)

    def writes(self, since: float = 0.0) -> list[Entry]:
        """Writes that reached what is behind the proxies, but for renewals of the Lease, which never rest."""
        written = (entry for entry in self.entries if entry.call.role is Role.WRITE and entry.at >= since)
        return [entry for entry in written if not entry.call.kind.endswith(" leases")]
