"""Which call meets which fault: a pure function of a seed, the kind of call, and how many of that kind came before.

Now and then a call of a kind meets the next rung of its ladder, so that each kind meets each fault once; each kind
begins at a rung of its own, so that kills don't come all at once. The calls after that meet faults at random. Whatever
the order in which calls of different kinds arrive, the n-th of a kind meets the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.campaign.calls import Call, Role


class What(StrEnum):
    """Names of faults, as tables show them."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    LOSE_REPLY = "reply lost"
    REFUSE = "connection refused"
    CONFLICT = "409"
    BUSY = "429"
    ERROR = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "504, and done"
    HANG = "done, no answer"
    DELAY = "delayed"
    STALE = "stale list"
    CUT = "watch cut"
    SILENT = "watch delayed"
    DEAD = "watch dead"
    GONE = "410 in watch"
    OUTAGE = "outage"
    LONG_OUTAGE = "503 for a minute"


STATUS = {What.CONFLICT: 409, What.BUSY: 429, What.ERROR: 500, What.UNAVAILABLE: 503}
ANSWERS = (What.REFUSE, What.ERROR, What.BUSY, What.LOSE_REPLY, What.UNAVAILABLE, What.DELAY)
KILLS = (What.KILL_BEFORE, What.KILL_AFTER)
LADDERS: Mapping[Role, tuple[What, ...]] = {
    Role.WRITE: (*KILLS, *ANSWERS, What.CONFLICT, What.TIMEOUT),
    Role.READ: ANSWERS,
    Role.LIST: (*ANSWERS, What.STALE),
    Role.WATCH: (What.CUT, What.SILENT, What.GONE, What.BUSY, What.ERROR, What.DEAD),
}
SOMETIMES: Mapping[Role, tuple[What, ...]] = dict.fromkeys((Role.WRITE, Role.READ, Role.LIST), (What.HANG,))
ONLY_KUBERNETES = {What.CONFLICT, What.STALE}
# Shares of the calls that meet a fault when the ladder is climbed.
RATES: Mapping[Role, float] = {Role.WRITE: 0.06, Role.READ: 0.02, Role.LIST: 0.02, Role.WATCH: 0.2}
LONG_SECONDS = 60.0
# Calls of a kind for each rung.
STRIDES: Mapping[Role, int] = {Role.WRITE: 3, Role.READ: 10, Role.LIST: 6, Role.WATCH: 2}
SELDOM = 2  # what is called so seldom that it would not climb far
KILLED_AT_READS = 1 / 400


@dataclass(frozen=True)
class Fault:
    """`seconds`: how long a delay is, or how long a stream lasts before it is cut."""

    what: What
    seconds: float = 0.0


@dataclass(frozen=True)
class Outage:
    """A target that refuses all calls for a while; seconds from the beginning of a round.

    `forgets`: whose watches do not learn afterwards what happened meanwhile; those of all kinds, where it is empty.
    """

    target: str
    begins: float
    seconds: float
    what: What = What.OUTAGE
    forgets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Faults by seed."""

    seed: str

    def fault(self, call: Call, number: int) -> Fault | None:
        """What the call meets that is the `number`-th of its kind, from 0."""
        random = Random(f"{self.seed}/{call.target}/{call.kind}/{number}")
        if call.role in (Role.READ, Role.LIST) and random.random() < KILLED_AT_READS:
            return Fault(What.KILL_BEFORE)
        rungs = [what for what in LADDERS[call.role] if call.target == "kubernetes" or what not in ONLY_KUBERNETES]
        rung, steps = divmod(number, SELDOM if call.target == "s3" else STRIDES[call.role])
        if rung < len(rungs):
            first = Random(f"{self.seed}/{call.target}/{call.kind}").randrange(len(rungs))
            return Fault(rungs[(first + rung) % len(rungs)], random.uniform(0.2, 6.0)) if steps == 1 else None
        if random.random() >= RATES[call.role]:
            return None
        return Fault(random.choice([*rungs, *SOMETIMES.get(call.role, ())]), random.uniform(0.2, 6.0))


def outages(seed: str, span: float) -> tuple[Outage, ...]:
    """One of MLflow and S3 somewhere in the span, and one of Kubernetes at its end; in a long span a long one too."""
    random = Random(f"{seed}/outages")
    longest = min(12.0, span / 4)
    some = [Outage(it, random.uniform(0.1, 0.7) * span, random.uniform(0.4, 1.0) * longest) for it in ("mlflow", "s3")]
    last = Outage("kubernetes", span - longest, longest)
    long = Outage("kubernetes", random.uniform(0.2, 0.4) * span, LONG_SECONDS, What.LONG_OUTAGE)
    return (*some, last, *([long] if span >= 3 * LONG_SECONDS else []))
