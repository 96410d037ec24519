"""What was counted of an experiment's versions since the last look. The status keeps the sums."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from millwright.core.analysis.confidence import Counts
from millwright.core.analysis.counting import RECENT_INTERVALS, Labels, Series, Window, counted
from millwright.core.analysis.verdict import Verdict

# After so long Prometheus has what a server told, or will never have it: by default a scrape may take ten seconds, and
# is dated when it began. What came later to a moment up to which was counted would be missing for good.
SETTLED = timedelta(seconds=10)


@dataclass(frozen=True)
class Added:
    """What one interval added."""

    began: datetime
    counts: Counts


@dataclass(frozen=True)
class Tally:
    """What Prometheus knows of an experiment's versions, by version set.

    `until`: up to when was counted. `added`: in each interval since the last look. `verdicts`: on the guardrails.
    """

    until: datetime
    added: Mapping[str, Sequence[Added]] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    def since(self, version_set: str, began: datetime) -> Counts:
        """What was added in the intervals that begin no earlier."""
        found = [one.counts for one in self.added.get(version_set, ()) if one.began >= began]
        return Counts(sum(one.hits for one in found), sum(one.total for one in found))


def window(began: datetime, counted_to: datetime, now: datetime, interval: timedelta) -> Window | None:
    """The last intervals that are settled, on a grid from the beginning; None: all of them are counted.

    Those that were counted already tell what a counter had that was not scraped for a while.
    """
    over = int((now - SETTLED - began) / interval)
    last = began + over * interval
    if last <= counted_to:
        return None
    moments = tuple(last - interval * back for back in range(min(over, RECENT_INTERVALS), -1, -1))
    return Window(moments[0], moments, interval)


def added(hits: Iterable[Series], total: Iterable[Series], window: Window, counted_to: datetime) -> tuple[Added, ...]:
    """What the counters of one version added in each interval that is not counted yet."""
    times = window.moments
    both = (counted(series, times, _any) for series in (hits, total))
    counts = (Counts(min(hit, all_of_it), all_of_it) for hit, all_of_it in zip(*both, strict=True))
    return tuple(
        Added(start, one) for (start, _), one in zip(pairwise(times), counts, strict=True) if start >= counted_to
    )


def _any(labels: Labels) -> bool:
    return True
