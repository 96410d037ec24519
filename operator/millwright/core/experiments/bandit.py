"""Thompson sampling: each version gets what its chance to be the best is, within bounds.

Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 25 (1933); in batches, as by
Scott, "A modern Bayesian look at the multi-armed bandit" (2010).
"""

from collections import Counter
from collections.abc import Sequence
from random import Random

from millwright.api.experiment import Bandit
from millwright.core.analysis.confidence import Counts

DRAWS = 1000


def chances(shares: Sequence[Counts], increase: bool, seed: str) -> list[float]:
    """Each one's probability to have the best share, from uniform priors. The same seed gives the same."""
    generator, best = Random(seed), Counter[int]()
    for _ in range(DRAWS):
        drawn = [generator.betavariate(1 + one.hits, 1 + one.total - one.hits) for one in shares]
        best[drawn.index((max if increase else min)(drawn))] += 1
    return [best[index] / DRAWS for index in range(len(shares))]


def weights(bandit: Bandit, chances_of_arms: Sequence[float]) -> list[int]:
    """Percent of the requests of each arm; the control gets the rest, which is the least or more."""
    least = bandit.min_weight
    free = 100 - least * (len(chances_of_arms) + 1)
    return [min(bandit.max_weight, least + int(free * chance)) for chance in chances_of_arms]
