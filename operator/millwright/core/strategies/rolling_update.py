"""RollingUpdate: the candidate starts in full beside what serves, and takes the traffic when all its pods answer."""

from millwright.core.strategies.rollout import RollOut, Step


def step(rollout: RollOut) -> Step:
    """What serves is left as it is until the end."""
    return Step(
        serving=rollout.replicas,
        candidate=rollout.replicas,
        reason="RollingOut",
        message=rollout.progress,
        promote=rollout.is_complete,
        awaits_pods=not rollout.is_complete,
    )
