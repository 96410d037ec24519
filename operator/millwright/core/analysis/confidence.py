"""How sure a share can be, of which only counts are known, however often one looks.

A confidence sequence for a Bernoulli mean by Robbins' mixture with a Beta(1/2, 1/2) prior: for the true share p, the
ratio `mixture / likelihood of p` is a martingale that begins at 1, so by Ville's inequality it reaches 1/alpha with a
probability of at most alpha, at whatever moment one looks. Howard et al., "Time-uniform, nonparametric, nonasymptotic
confidence sequences", Annals of Statistics 49 (2021).
"""

from dataclasses import dataclass
from math import inf, lgamma, log

PRIOR = 0.5
BISECTIONS = 50
MOST = 1e9


@dataclass(frozen=True)
class Counts:
    """`hits` of `total`."""

    hits: float
    total: float

    @property
    def share(self) -> float:
        """Hits in one; 0 where nothing was counted."""
        return self.hits / self.total if self.total else 0.0


def evidence(counts: Counts, share: float) -> float:
    """Logarithm of how much better the mixture explains the counts than `share` does."""
    hits, misses = counts.hits, counts.total - counts.hits
    if (share <= 0 and hits > 0) or (share >= 1 and misses > 0):
        return inf
    likelihood = (hits * log(share) if hits else 0.0) + (misses * log(1 - share) if misses else 0.0)
    return _log_beta(hits + PRIOR, misses + PRIOR) - _log_beta(PRIOR, PRIOR) - likelihood


def is_above(counts: Counts, share: float, alpha: float) -> bool:
    """Whether the true share is surely more than `share`."""
    return counts.share > share and evidence(counts, share) >= -log(alpha)


def is_below(counts: Counts, share: float, alpha: float) -> bool:
    """Whether the true share is surely less than `share`."""
    return counts.total > 0 and counts.share < share and evidence(counts, share) >= -log(alpha)


def lower(counts: Counts, alpha: float) -> float:
    """The least share that the true one may be."""
    return _edge(counts, 0.0, alpha)


def upper(counts: Counts, alpha: float) -> float:
    """The greatest share that the true one may be."""
    return _edge(counts, 1.0, alpha)


def needed(counts: Counts, share: float, alpha: float) -> float:
    """How large the total must become, at the present share, until `is_below`; infinite where it never will."""
    present, total = counts.share, max(counts.total, 1.0)
    while total < MOST and not is_below(Counts(present * total, total), share, alpha):
        total *= 1.05
    return total if total < MOST else inf


def _edge(counts: Counts, outside: float, alpha: float) -> float:
    """Between the present share, which is inside, and an end of [0, 1]."""
    inside = counts.share if counts.total else 1 - outside
    if evidence(counts, outside) < -log(alpha):
        return outside
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        if evidence(counts, middle) >= -log(alpha):
            outside = middle
        else:
            inside = middle
    return outside


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
