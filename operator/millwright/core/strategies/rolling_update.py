"""RollingUpdate: the candidate starts in full beside what serves, and takes the traffic when all its pods answer.

Where there is no room for that, pods of what serves leave one by one for it, and both have the traffic meanwhile.
"""

from millwright.core.strategies.rollout import RollOut, Step


def step(rollout: RollOut) -> Step:
    """What serves is left as it is until the end, where there is room."""
    kept = rollout.kept(rollout.replicas)
    return rollout.told(
        Step(
            serving=kept,
            candidate=rollout.replicas,
            reason="RollingOut",
            message=rollout.progress,
            promote=rollout.is_complete,
            weight=_weight(rollout, kept),
            awaits_pods=not rollout.is_complete,
        )
    )


def _weight(rollout: RollOut, kept: int) -> int:
    """Each pod of both gets as many requests; where there are none to share them with, all are given at the end."""
    is_shared = rollout.surge.missing and rollout.others and kept
    return 100 * rollout.ready // (rollout.ready + kept) if is_shared else 0
