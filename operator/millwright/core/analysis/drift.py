"""How far one distribution of predictions is from another: the population stability index, out of two histograms."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import log

from millwright.core.analysis.counting import Series, counted

PREDICTIONS = "millwright_serving_predictions_bucket"
# With fewer, chance alone makes an index of 0.1 and more.
LEAST = 500
# Half a count in each bucket, so that an empty one has a logarithm.
SMOOTHING = 0.5


def histogram(series: Iterable[Series], times: Sequence[datetime]) -> dict[str, list[float]]:
    """Counts of each bucket, of each class, between the first of the times and the last."""
    by_class: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for one in series:
        bound = float(one.labels["le"].replace("+Inf", "inf"))
        by_class[one.labels.get("class", "")][bound] += sum(counted([one], times, lambda labels: True))
    return {name: _buckets([counts[bound] for bound in sorted(counts)]) for name, counts in by_class.items()}


def index(candidate: Mapping[str, Sequence[float]], stable: Mapping[str, Sequence[float]]) -> float | None:
    """The greatest index of any class, less what chance makes of it; None: too few predictions to say."""
    both = candidate.keys() & stable.keys()
    found = [_index(candidate[name], stable[name]) for name in both]
    return None if not found or None in found else max(value for value in found if value is not None)


def _index(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Where the buckets differ nothing can be said. Chance: Yurdakul, "Statistical Properties of PSI" (2018)."""
    if len(ours) != len(theirs) or min(sum(ours), sum(theirs)) < LEAST:
        return None
    mine, other = _shares(ours), _shares(theirs)
    found = sum((a - b) * log(a / b) for a, b in zip(mine, other, strict=True))
    return max(0.0, found - (len(ours) - 1) * (1 / sum(ours) + 1 / sum(theirs)))


def _shares(counts: Sequence[float]) -> list[float]:
    whole = sum(counts) + SMOOTHING * len(counts)
    return [(count + SMOOTHING) / whole for count in counts]


def _buckets(cumulative: Sequence[float]) -> list[float]:
    return [max(0.0, b - a) for a, b in zip((0.0, *cumulative), cumulative, strict=False)]
