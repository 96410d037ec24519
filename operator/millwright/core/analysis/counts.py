"""The verdict on a share, by a sequential test on the counts since each of the last beginnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf

from millwright.api.analysis import Metric
from millwright.core.analysis import counting
from millwright.core.analysis.confidence import Counts, is_above, is_below, lower, needed, upper
from millwright.core.analysis.counting import Series, Window
from millwright.core.analysis.metrics import Share
from millwright.core.analysis.verdict import Finding, State


@dataclass(frozen=True)
class Comparison:
    """What both versions' servers have counted since each of the window's beginnings: misses, of everything."""

    share: Share
    candidate: Sequence[Counts]
    stable: Sequence[Counts]
    increase: float

    def is_beyond(self, index: int, alpha: float) -> bool:
        """Whether, since that beginning, the candidate surely misses more often than it may."""
        ours, theirs = self.candidate[index], self.stable[index]
        if self.share.limit is not None:
            return is_above(ours, self.share.limit, alpha)
        return lower(ours, alpha / 2) > upper(theirs, alpha / 2) + self.increase

    def is_within(self, alpha: float) -> bool:
        """Whether, since the first of its requests, it surely misses less often."""
        ours, theirs = self.candidate[0], self.stable[0]
        if self.share.limit is not None:
            return is_below(ours, self.share.limit, alpha)
        return upper(ours, alpha / 2) < lower(theirs, alpha / 2) + self.increase

    def allowed(self, index: int) -> float:
        """The share that it may miss, as far as that is known."""
        return self.stable[index].share + self.increase if self.share.limit is None else self.share.limit


def misses(share: Share, series: Sequence[Series], window: Window) -> list[Counts]:
    """Of one version's servers, since each of the beginnings."""
    times = (window.began, *window.moments)
    everything = counting.counted(series, times, share.everything)
    good = counting.counted(series, times, share.good)
    return counting.since_each([max(0.0, a - b) for a, b in zip(everything, good, strict=True)], everything)


def judge(metric: Metric, comparison: Comparison, window: Window, confidence: float) -> Finding:
    """`confidence`: of the verdict over the whole roll-out; the error is divided among the beginnings."""
    alpha = 1 - confidence
    for index, start in enumerate(window.starts):
        ordinal = window.ordinal(start)
        if comparison.is_beyond(index, alpha / ((ordinal + 1) * (ordinal + 2))):
            return _finding(metric, comparison, index, "Failed", f"surely, at a confidence of {confidence:g}")
    if comparison.is_within(alpha):
        return _finding(metric, comparison, 0, "Passed", f"at a confidence of {confidence:g}")
    return _undecided(metric, comparison, alpha)


def _undecided(metric: Metric, comparison: Comparison, alpha: float) -> Finding:
    ours = comparison.candidate[0]
    more = needed(ours, comparison.allowed(0), alpha) - ours.total
    waits = "more than it can pass with" if isinf(more) else f"not sure yet: about {max(1.0, more):.0f} more are needed"
    return _finding(metric, comparison, 0, "Undecided", waits)


def _finding(metric: Metric, comparison: Comparison, index: int, state: State, how: str) -> Finding:
    ours, allowed = comparison.candidate[index], comparison.allowed(index)
    said = f"{ours.hits:.0f} of {ours.total:.0f} {comparison.share.missed}"
    return Finding(metric.name, state, f"{said} ({ours.share:.2%}, allowed {allowed:.2%}), {how}")
