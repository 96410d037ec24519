"""Canary, BlueGreen and Shadow: the candidate goes the steps of its walk, and takes the traffic after the last."""

from dataclasses import replace

from millwright.api.rollout import Pause
from millwright.core.strategies.rollout import RollOut, Step
from millwright.core.strategies.walk import Walk


def step(rollout: RollOut, all_at_once: bool) -> Step:
    """What serves is left as it is until the end, so that it can take everything back at any moment, if there is room.

    `all_at_once`: the candidate starts with all its pods, whatever its share.
    """
    walk = rollout.walk
    assert walk is not None, "strategies with steps are given a walk"
    pods = walk.replicas(rollout.replicas, all_at_once)
    starting = Step(
        serving=rollout.kept(pods),
        candidate=pods,
        reason="RollingOut",
        message=rollout.progress_to(pods) + _where(walk),
        weight=walk.weight if rollout.ready else 0,
        mirror=walk.mirror if rollout.ready else 0,
    )
    return _with_pods(walk, replace(starting, awaits_pods=False)) if rollout.answers(pods) else rollout.told(starting)


def _with_pods(walk: Walk, step: Step) -> Step:
    """The pods that the present step needs all answer."""
    if walk.hold is not None:
        message = walk.hold.message + _where(walk)
        return replace(step, reason=walk.hold.reason, message=message, wait=walk.hold.wait)
    if walk.current is None:
        return replace(step, promote=True) if walk.is_sure else _analyzing(walk, step)
    if walk.current.pause is not None:
        return _pausing(walk, walk.current.pause, step)
    if walk.current.analysis is not None and not walk.is_sure:
        return _analyzing(walk, step)
    return replace(step, done=True)


def _pausing(walk: Walk, pause: Pause, step: Step) -> Step:
    if walk.is_approved:
        return replace(step, done=True)
    if pause.seconds is None:
        message = f"waits for approval: set spec.rollout.promote to its version and step {walk.index}"
        return replace(step, reason="AwaitingApproval", message=message + _where(walk))
    left = walk.remaining(pause.seconds)
    if left <= 0:
        return replace(step, done=True)
    return replace(step, reason="Pausing", message=f"goes on after {pause.seconds} s{_where(walk)}", wait=left)


def _analyzing(walk: Walk, step: Step) -> Step:
    said = walk.verdict.message if walk.verdict else ""
    return replace(step, reason="Analyzing", message=said + _where(walk))


def _where(walk: Walk) -> str:
    """`; step 1 of 4, 10 % of the requests`, with steps counted as `promote` does, from 0."""
    place = f"step {walk.index} of {len(walk.steps)}" if walk.current else "all steps are over"
    shares = ((walk.weight, "% of the requests"), (walk.mirror, "% mirrored"))
    return "; " + ", ".join((place, *(f"{share} {what}" for share, what in shares if share)))
