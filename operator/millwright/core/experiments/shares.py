"""What each arm of an experiment is to get of the requests."""

from collections.abc import Sequence

from millwright.api.deployment import ArmStatus
from millwright.api.experiment import Bandit
from millwright.core.experiments import arms as arms_of
from millwright.core.experiments import bandit as bandit_of
from millwright.core.experiments.arms import OVER, Scene

# Weights stay where chance alone would move them.
LEAST_MOVE = 5


def wanted(scene: Scene, arms: Sequence[ArmStatus], winner: str | None, seed: str) -> list[int]:
    """By arm. `winner`: the version that won, when the experiment is decided; None: it goes on."""
    stay = [0 if arm.verdict in OVER else arm.share for arm in arms]
    if scene.frozen:
        return _or_as_asked(scene, arms, stay)
    if winner is not None and scene.experiment.when_decided == "Promote":
        return [100 if arm.version == winner and arm.verdict not in OVER else 0 for arm in arms]
    if winner is not None:
        return _or_as_asked(scene, arms, stay)
    if scene.experiment.bandit is None:
        return _as_asked(scene, arms)
    return _or_as_asked(scene, arms, _moved(scene, scene.experiment.bandit, arms, stay, seed))


def _moved(scene: Scene, bandit: Bandit, arms: Sequence[ArmStatus], stay: list[int], seed: str) -> list[int]:
    """By the chance of each that is left to be better than the others and the control."""
    left = [arm for arm in arms if arm.verdict not in OVER]
    if scene.tally is None or not left:
        return stay
    control = max((arms_of.controls(arm) for arm in left), key=lambda counts: counts.total)
    chances = bandit_of.chances([control, *map(arms_of.ours, left)], scene.plan.increase, seed)
    found = dict(zip((arm.name for arm in left), bandit_of.weights(bandit, chances[1:]), strict=True))
    moved = [found.get(arm.name, 0) for arm in arms]
    return moved if max(abs(a - b) for a, b in zip(moved, stay, strict=True)) >= LEAST_MOVE else stay


def _or_as_asked(scene: Scene, arms: Sequence[ArmStatus], found: list[int]) -> list[int]:
    """One that came anew, while others have more than they began with, may be more than there is."""
    return found if sum(found) <= 100 else _as_asked(scene, arms)


def _as_asked(scene: Scene, arms: Sequence[ArmStatus]) -> list[int]:
    asked = {arm.name: arm.weight for arm in scene.experiment.arms}
    return [0 if arm.verdict in OVER else asked[arm.name] for arm in arms]
