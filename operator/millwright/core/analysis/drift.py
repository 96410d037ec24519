"""How far one distribution of predictions is from another: the population stability index, out of two histograms."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from math import log

from millwright.core.analysis.counting import Series, counted

PREDICTIONS = "millwright_serving_predictions_bucket"
# With fewer, chance alone makes an index of 0.1 and more.
LEAST = 500
LEAST_BUCKETS = 3
# Half a count in each bucket, so that an empty one has a logarithm.
SMOOTHING = 0.5
# By class: how many predictions were not more than each bound.
Histograms = Mapping[str, Mapping[float, float]]


def histogram(series: Iterable[Series], times: Sequence[datetime]) -> Histograms:
    """Predictions up to each bound, of each class, between the first of the times and the last."""
    by_class: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for one in series:
        bound = float(one.labels["le"].replace("+Inf", "inf"))
        by_class[one.labels.get("class", "")][bound] += sum(counted([one], times, lambda labels: True))
    return by_class


def index(candidate: Histograms, stable: Histograms) -> float | None:
    """The greatest index of any class, less what chance makes of it; None: too few predictions to say."""
    found = [_index(candidate[name], stable[name]) for name in candidate.keys() & stable.keys()]
    known = [value for value in found if value is not None]
    return max(known) if known and len(known) == len(found) else None


def _index(ours: Mapping[float, float], theirs: Mapping[float, float]) -> float | None:
    """Over the bounds that both have. Chance: Yurdakul, "Statistical Properties of PSI" (2018)."""
    bounds = sorted(ours.keys() & theirs.keys())
    mine, other = (_buckets([counts[bound] for bound in bounds]) for counts in (ours, theirs))
    if len(bounds) < LEAST_BUCKETS or min(sum(mine), sum(other)) < LEAST:
        return None
    found = sum((a - b) * log(a / b) for a, b in zip(_shares(mine), _shares(other), strict=True))
    return max(0.0, found - (len(bounds) - 1) * (1 / sum(mine) + 1 / sum(other)))


def _shares(counts: Sequence[float]) -> list[float]:
    whole = sum(counts) + SMOOTHING * len(counts)
    return [(count + SMOOTHING) / whole for count in counts]


def _buckets(cumulative: Sequence[float]) -> list[float]:
    return [max(0.0, b - a) for a, b in pairwise((0.0, *cumulative))]
