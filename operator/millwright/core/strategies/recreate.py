"""Recreate: what serves leaves before the candidate starts, for pools that have no room for both."""

from dataclasses import replace

from millwright.core.strategies import rolling_update
from millwright.core.strategies.rollout import RollOut, Step


def step(rollout: RollOut) -> Step:
    """A pod that is ending holds its room until it is gone. What left in vain comes back."""
    if rollout.others and not rollout.surge.stuck:
        message = f"version {rollout.version} starts when {_pods(rollout.others)} gone; nothing answers until it does"
        return Step(serving=0, candidate=None, reason="Recreating", message=message)
    return replace(rolling_update.step(rollout), serving=rollout.replicas if rollout.surge.stuck else 0)


def _pods(count: int) -> str:
    return "the last pod before it is" if count == 1 else f"the {count} pods before it are"
