"""What each arm is to get, by table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millwright.api.deployment import ArmStatus, ServedVersion
from millwright.api.experiment import Experiment
from millwright.core.experiments import shares
from millwright.core.experiments.arms import Scene
from millwright.core.experiments.tally import Tally

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTROL = ServedVersion(version="1", version_set="set-1", digest="", since=NOW)
BANDIT = {"algorithm": "thompson", "minWeight": 5, "maxWeight": 70}


def scene(bandit: bool = False, frozen: bool = False, **fields: Any) -> Scene:
    primary = {"name": "n", "hits": "h", "total": "t", "direction": "Increase", "minimumDetectableEffect": 0.1}
    arms = [{"version": "2", "weight": 20}, {"version": "3", "weight": 30}]
    asked = {"arms": arms, "primary": primary} | ({"bandit": BANDIT} if bandit else {}) | fields
    return Scene(
        experiment=Experiment.model_validate(asked),
        control=CONTROL,
        replicas=4,
        states={},
        tally=Tally(NOW),
        frozen=frozen,
        deadline=timedelta(seconds=600),
        now=NOW,
    )


def arm(version: str, share: int, verdict: str = "Undecided", hits: int = 0) -> ArmStatus:
    values = {"name": version, "version": version, "versionSet": version, "digest": "", "since": NOW, "share": share}
    counted = {"hits": hits, "samples": 1000, "controlHits": 100, "controlSamples": 1000} if hits else {}
    return ArmStatus.model_validate(values | {"verdict": verdict} | counted)


NEW = (arm("2", 20), arm("3", 30))
LEFT = (arm("2", 20, "Worse"), arm("3", 30))
PROMOTED = (arm("2", 100, "Better"), arm("3", 30))
MOVED = (arm("2", 60), arm("3", 10))
KNOWN = (arm("2", 20, hits=300), arm("3", 30, hits=50))
# Scene, arms, the winner → shares.
SHARES: dict[str, tuple[Scene, tuple[ArmStatus, ...], str | None, list[int]]] = {
    "as asked": (scene(), NEW, None, [20, 30]),
    "as asked, of those that are left": (scene(), LEFT, None, [0, 30]),
    "held": (scene(), MOVED, "2", [60, 10]),
    "promoted": (scene(whenDecided="Promote"), NEW, "2", [100, 0]),
    "promoted, and failed since": (scene(whenDecided="Promote"), LEFT, "2", [0, 0]),
    "the control won": (scene(whenDecided="Promote"), NEW, "1", [0, 0]),
    "promoted is only who has won": (scene(whenDecided="Promote"), NEW, None, [20, 30]),
    "a bandit that knows nothing": (scene(bandit=True), MOVED, None, [33, 33]),
    "a bandit that knows much": (scene(bandit=True), KNOWN, None, [70, 5]),
    "a bandit and one that is left": (scene(bandit=True), (arm("2", 5, "Worse"), KNOWN[1]), None, [0, 5]),
    "a bandit that may not move": (scene(bandit=True, frozen=True), MOVED, None, [60, 10]),
    "promoted, and nothing may move": (scene(frozen=True, whenDecided="Promote"), NEW, "2", [20, 30]),
    "promoted, and one that came since": (scene(frozen=True, whenDecided="Promote"), PROMOTED, None, [20, 30]),
    "more than all": (scene(bandit=True, frozen=True), (arm("2", 71), arm("3", 30)), None, [20, 30]),
}


@pytest.mark.parametrize(("where", "arms", "winner", "expected"), SHARES.values(), ids=SHARES.keys())
def test_it_is(where: Scene, arms: tuple[ArmStatus, ...], winner: str | None, expected: list[int]) -> None:
    found = shares.wanted(where, arms, winner, "seed")
    assert all(abs(a - b) <= 3 for a, b in zip(found, expected, strict=True))


def test_chance_alone_moves_nobody() -> None:
    settled = tuple(one.model_copy(update={"share": 32}) for one in NEW)
    assert shares.wanted(scene(bandit=True), settled, None, "seed") == [32, 32]
