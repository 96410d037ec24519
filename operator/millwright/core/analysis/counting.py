"""From counters, as Prometheus has them, to what each interval added."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from millwright.core.analysis.confidence import Counts

RECENT_INTERVALS = 16
Labels = Mapping[str, str]
Wanted = Callable[[Labels], bool]


@dataclass(frozen=True)
class Series:
    """One counter or gauge of one pod: its labels, and its value at each moment that it was there."""

    labels: Labels
    values: Mapping[datetime, float]


@dataclass(frozen=True)
class Window:
    """When the candidate's requests began, and the moments since that are looked at, the last of them now."""

    began: datetime
    moments: tuple[datetime, ...]
    interval: timedelta

    @property
    def starts(self) -> tuple[datetime, ...]:
        """Beginnings of what is counted up to now: when it began, and each moment but the last."""
        return (self.began, *self.moments[:-1])

    def ordinal(self, start: datetime) -> int:
        """How many intervals a beginning lies after the first."""
        return round((start - self.began) / self.interval)


def window(began: datetime, now: datetime, interval: timedelta) -> Window:
    """The last intervals, as many as there were since. In whole seconds, as Prometheus answers."""
    began, now = began.replace(microsecond=0), now.replace(microsecond=0)
    count = min(int((now - began) / interval), RECENT_INTERVALS)
    return Window(began, tuple(now - interval * back for back in range(count, -1, -1)), interval)


def counted(series: Iterable[Series], times: Sequence[datetime], wanted: Wanted) -> list[float]:
    """What the counters that are `wanted` added between each two times; one number fewer than times."""
    chosen = [one.values for one in series if wanted(one.labels)]
    return [sum(_increase(values, times[0], a, b) for values in chosen) for a, b in pairwise(times)]


def since_each(hits: Sequence[float], totals: Sequence[float]) -> list[Counts]:
    """Counts from the beginning of each interval up to the end of the last."""
    found, hit, total = [], 0.0, 0.0
    for one, all_of_it in zip(reversed(hits), reversed(totals), strict=True):
        hit, total = hit + one, total + all_of_it
        found.append(Counts(min(hit, total), total))
    return found[::-1]


def _increase(values: Mapping[datetime, float], first: datetime, start: datetime, end: datetime) -> float:
    """Of one counter. A server that came meanwhile, or was started again, began at 0; one that left adds none."""
    if end not in values:
        return 0.0
    before = max((time for time in values if first <= time <= start), default=None)
    had = values[before] if before is not None else 0.0
    return values[end] - had if values[end] >= had else values[end]
