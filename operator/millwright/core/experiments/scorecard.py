"""What is known of an arm: the effect against the control, the verdict, and how many samples it takes."""

from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

from millwright.api.experiment import Experiment
from millwright.core.analysis.confidence import Counts
from millwright.core.analysis.differences import LEAST, Difference, difference, half_width, is_enough

Verdict = Literal["Undecided", "Better", "Worse", "Same", "Failed"]
BISECTIONS = 60
# Of the control, before its share is planned with.
ENOUGH_TO_PLAN = 100
UNKNOWN_SHARE = 0.5  # the one that takes the most samples


@dataclass(frozen=True)
class Plan:
    """What an experiment is to find, and how surely. `alpha`: the error that one arm may have."""

    effect: float
    increase: bool
    alpha: float
    power: float
    baseline: float | None = None


def plan(experiment: Experiment) -> Plan:
    """The error is divided among the arms."""
    primary = experiment.primary
    return Plan(
        effect=primary.minimum_detectable_effect,
        increase=primary.direction == "Increase",
        alpha=(1 - experiment.confidence) / len(experiment.arms),
        power=experiment.power,
        baseline=primary.baseline,
    )


def effect(plan: Plan, arm: Counts, control: Counts) -> Difference:
    """How much more the arm's share is than the control's."""
    return difference(arm, control, plan.effect, plan.alpha)


def verdict(plan: Plan, arm: Counts, control: Counts) -> Verdict:
    """What is sure of it."""
    found = effect(plan, arm, control)
    least, most = (found.lower, found.upper) if plan.increase else (-found.upper, -found.lower)
    if not is_enough(arm, control):
        return "Undecided"
    if least > 0:
        return "Better"
    if most < 0:
        return "Worse"
    return "Same" if -plan.effect < least and most < plan.effect else "Undecided"


def required(plan: Plan, control: Counts, weights: tuple[int, int]) -> int:
    """Samples of the arm until the least effect is found. `weights`: what arm and control get of the requests."""
    share, ratio = _baseline(plan, control), weights[0] / max(weights[1], 1)
    changed = min(1.0, max(0.0, share + (plan.effect if plan.increase else -plan.effect)))
    spread = changed * (1 - changed) + share * (1 - share) * ratio
    least = LEAST * max(1.0, ratio) / min(share, 1 - share)
    return ceil(max(spread / _variance_to_find(plan), least))


def _baseline(plan: Plan, control: Counts) -> float:
    if plan.baseline is not None:
        return plan.baseline
    known = control.total >= ENOUGH_TO_PLAN and 0 < control.share < 1
    return control.share if known else UNKNOWN_SHARE


def _variance_to_find(plan: Plan) -> float:
    """The variance of the difference at which the least effect is found with the wanted probability."""
    margin, low, high = NormalDist().inv_cdf(plan.power), 0.0, plan.effect**2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if half_width(middle, plan.effect, plan.alpha) + margin * sqrt(middle) <= plan.effect:
            low = middle
        else:
            high = middle
    return low
