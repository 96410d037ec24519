"""Which replica may write: it holds the Lease, and has renewed it a short while ago.

As in client-go, nobody reads a clock of another node: a holder counts from when it sent its last renewal that was
answered, a candidate from when it first saw the Lease as it is. Both in seconds of their own, which need not agree on
the time, and on its pace to a factor of LEASE_SECONDS / RENEW_SECONDS.
"""

from dataclasses import dataclass

LEASE_SECONDS = 12  # a Lease that did not change for so long may be taken
RENEW_SECONDS = 8.0  # whoever could not renew for so long writes no more
RETRY_SECONDS = 2.0  # between two looks at the Lease
RELEASED_SECONDS = 1  # the shortest that the API takes; it marks a Lease that was given back


@dataclass(frozen=True)
class LeaseRecord:
    """The Lease as it stands. `holder` is empty where nobody holds it; `version` is told by the API server."""

    holder: str
    seconds: int = LEASE_SECONDS
    transitions: int = 0
    version: str = ""

    @property
    def released(self) -> bool:
        """Whether its last holder gave it back. One that somebody emptied by hand has a holder that does not know."""
        return not self.holder and self.seconds == RELEASED_SECONDS


@dataclass(frozen=True)
class Sighting:
    """A state of the Lease, and when this process first saw it."""

    record: LeaseRecord
    since: float


def sighting(before: Sighting | None, found: LeaseRecord | None, now: float) -> Sighting | None:
    """What is known of the Lease after another look.

    A Lease that is gone counts as it was: somebody deleted it, and its holder learns of that at its next renewal.
    """
    if found is None or (before is not None and before.record.version == found.version):
        return before
    return Sighting(found, now)


def seconds_to_wait(identity: str, seen: Sighting | None, now: float) -> float:
    """Until this process may write itself into the Lease; not positive: it may now, also to renew."""
    if seen is None or seen.record.released or seen.record.holder == identity:
        return 0.0
    return seen.since + seen.record.seconds - now


def claimed(identity: str, before: LeaseRecord | None) -> LeaseRecord:
    """The Lease with this process as its holder."""
    if before is None:
        return LeaseRecord(identity)
    return LeaseRecord(identity, transitions=before.transitions + (before.holder != identity))


def given_back(before: LeaseRecord) -> LeaseRecord:
    """The Lease for whoever comes first."""
    return LeaseRecord("", RELEASED_SECONDS, before.transitions)
