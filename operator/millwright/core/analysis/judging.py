"""All metrics of an analysis, judged by what was read for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from millwright.api.analysis import Analysis, Metric
from millwright.core.analysis import counts, drift
from millwright.core.analysis.counting import Series, Window
from millwright.core.analysis.metrics import Share, share
from millwright.core.analysis.verdict import Finding, Verdict, by_numbers


@dataclass(frozen=True)
class Readings:
    """What Prometheus knows: series of each counter, of both versions; a number at each moment, of each query."""

    window: Window
    candidate: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    stable: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    numbers: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


def judge(analysis: Analysis, readings: Readings) -> Verdict:
    """What is known of each metric, in their order."""
    return Verdict(tuple(_finding(analysis, metric, readings) for metric in analysis.metrics))


def _finding(analysis: Analysis, metric: Metric, readings: Readings) -> Finding:
    counted = share(metric)
    if counted is not None:
        return _share(analysis, metric, counted, readings)
    if metric.query is not None:
        return by_numbers(metric, readings.numbers.get(metric.name, ()), analysis.failure_limit)
    return by_numbers(metric, _drifts(analysis, readings), analysis.failure_limit)


def _share(analysis: Analysis, metric: Metric, share: Share, readings: Readings) -> Finding:
    counted = readings.candidate.get(share.counter, ())
    if not any(share.everything(series.labels) for series in counted):
        return Finding(metric.name, "Undecided", f"no {share.of} has been counted yet")
    ours, theirs = (counts.misses(share, side.get(share.counter, ()), readings.window) for side in _sides(readings))
    comparison = counts.Comparison(share, ours, theirs, metric.max_increase or 0.0)
    return counts.judge(metric, comparison, readings.window, analysis.confidence)


def _drifts(analysis: Analysis, readings: Readings) -> list[float | None]:
    """At each of the last moments, of all predictions until then."""
    window = readings.window
    found = []
    for moment in window.moments[-analysis.failure_limit - 1 :]:
        sides = (drift.histogram(side.get(drift.PREDICTIONS, ()), (window.began, moment)) for side in _sides(readings))
        found.append(drift.index(*sides))
    return found


def _sides(readings: Readings) -> tuple[Mapping[str, Sequence[Series]], Mapping[str, Sequence[Series]]]:
    return readings.candidate, readings.stable
