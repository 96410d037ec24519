"""How far one share is from another, however often one looks.

A normal mixture on the difference, whose variance is estimated: an asymptotic confidence sequence. Waudby-Smith et al.,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem 2.2;
for two shares Johari et al., "Always valid inference", Operations Research 70 (2022). With a delayed start for small
counts: Bibaut et al., arXiv 2212.14411.
"""

from dataclasses import dataclass
from math import inf, log, sqrt

from millwright.core.analysis.confidence import Counts

# Hits, and misses, that must be expected on both sides: with fewer a share is far from normal.
LEAST = 20.0


@dataclass(frozen=True)
class Difference:
    """Of two shares: as it was seen, and the least and the greatest that it may be."""

    seen: float
    lower: float
    upper: float


def difference(ours: Counts, theirs: Counts, scale: float, alpha: float) -> Difference:
    """Ours less theirs. `scale`: the size of effect that it shall be narrowest for."""
    seen = ours.share - theirs.share
    width = half_width(_variance(ours) + _variance(theirs), scale, alpha)
    return Difference(seen, max(-1.0, seen - width), min(1.0, seen + width))


def is_enough(ours: Counts, theirs: Counts) -> bool:
    """Whether there are so many of both that the interval means what it says."""
    pooled = Counts(ours.hits + theirs.hits, ours.total + theirs.total).share
    return min(ours.total, theirs.total) * min(pooled, 1 - pooled) >= LEAST


def half_width(variance: float, scale: float, alpha: float) -> float:
    """Of the interval of something that has this variance by now."""
    if variance == inf:
        return inf
    prior = scale * scale
    return sqrt(variance * (variance + prior) / prior * (2 * log(1 / alpha) + log(1 + prior / variance)))


def _variance(counts: Counts) -> float:
    """Of a share; with one more hit and miss than were seen, so that none has no variance."""
    share = (counts.hits + 1) / (counts.total + 2)
    return share * (1 - share) / counts.total if counts.total else inf
