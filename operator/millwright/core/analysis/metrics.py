"""The metrics that an analysis knows by name: which counters of the servers they read, and how."""

import re
from dataclasses import dataclass

from millwright.api.analysis import Metric
from millwright.core.analysis.counting import Labels, Wanted

REQUESTS = "millwright_serving_requests_total"
SECONDS = "millwright_serving_request_seconds_bucket"
COMPARED = "millwright_serving_compared_total"
DRIFT = "prediction-drift"
INFINITE = "+Inf"


@dataclass(frozen=True)
class Share:
    """A share of what is counted, of which there may be so much.

    `counter`: name in Prometheus. `everything`, `good`: which of its series count all, and those that are as wanted.
    `limit`: share of the rest; None: as much as stable's and `max_increase`. `of`, `missed`: in words.
    """

    counter: str
    everything: Wanted
    good: Wanted
    limit: float | None
    of: str
    missed: str


def share(metric: Metric) -> Share | None:
    """How a metric is counted; None: it is a number without a count."""
    if metric.query is not None or metric.name == DRIFT:
        return None
    if metric.name == "error-rate":
        return Share(REQUESTS, _any, _is_no_error, metric.max, "request", "requests failed")
    if metric.name == "agreement":
        assert metric.min is not None
        return Share(COMPARED, _is_compared, _agrees, 1 - metric.min, "mirrored answer", "answers were not stable's")
    return _latency(metric)


def _latency(metric: Metric) -> Share:
    """A quantile is below a bound when no more than the rest of the requests are above it."""
    percent, bound = re.fullmatch(r"latency-p([0-9.]+)-ms", metric.name), metric.max
    assert percent is not None and bound is not None
    seconds = bound / 1000
    limit = 1 - float(percent[1]) / 100
    return Share(SECONDS, _is_last, lambda labels: _le(labels) == seconds, limit, "request", f"took over {bound:g} ms")


def _is_last(labels: Labels) -> bool:
    return labels["le"] == INFINITE


def _le(labels: Labels) -> float:
    return float(labels["le"].replace(INFINITE, "inf"))


def _any(labels: Labels) -> bool:
    return True


def _is_no_error(labels: Labels) -> bool:
    return not labels.get("code", "").startswith("5")


def _is_compared(labels: Labels) -> bool:
    return labels.get("result") in ("agree", "disagree")


def _agrees(labels: Labels) -> bool:
    return labels.get("result") == "agree"
