"""The record of an arm: its version, what is known of it, and what it gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from millwright.api.deployment import ArmStatus, ServedVersion
from millwright.api.experiment import Experiment
from millwright.core import on_record
from millwright.core.analysis.confidence import Counts
from millwright.core.experiments import scorecard
from millwright.core.experiments.scorecard import Plan
from millwright.core.experiments.tally import Tally
from millwright.core.serving_pod import Target
from millwright.core.version_set_state import SILENT, VersionSetState

DIGITS = 6
OVER = ("Worse", "Failed")


@dataclass(frozen=True)
class Scene:
    """What the arms of an experiment are looked at with.

    `control`: the version that has what they do not get. `replicas`: its pods. `tally`: None where nothing is new.
    `frozen`: nothing may be decided now. `deadline`: that an arm's pods have.
    """

    experiment: Experiment
    control: ServedVersion
    replicas: int
    states: Mapping[str, VersionSetState]
    tally: Tally | None
    frozen: bool
    deadline: timedelta
    now: datetime

    @property
    def plan(self) -> Plan:
        """What the experiment is to find."""
        return scorecard.plan(self.experiment)

    def state(self, arm: ArmStatus) -> VersionSetState | None:
        """The arm's version set; None: there is none yet."""
        return self.states.get(arm.version_set)


def new(name: str, target: Target, version_set: str, share: int, now: datetime) -> ArmStatus:
    """One that nothing is known of."""
    return ArmStatus(**on_record.served(target, version_set, now).model_dump(), name=name, share=share)


def ours(arm: ArmStatus) -> Counts:
    """What was counted of it."""
    return Counts(arm.hits, arm.samples)


def controls(arm: ArmStatus) -> Counts:
    """What was counted of the control meanwhile."""
    return Counts(arm.control_hits, arm.control_samples)


def looked(scene: Scene, arm: ArmStatus) -> ArmStatus:
    """What is known of it now. A verdict stands, except that any arm may fail."""
    if arm.verdict in OVER:
        return arm
    failure = _failure(scene, arm)
    if failure is not None:
        return arm.model_copy(update={"verdict": "Failed", "message": failure[:4096]})
    return _scored(scene, _counted(scene, arm)) if arm.verdict == "Undecided" else arm


def given(scene: Scene, arm: ArmStatus, share: int) -> ArmStatus:
    """The arm with the pods for its share, and what it can take of that now."""
    pods = _pods(scene, share)
    state = scene.state(arm)
    ready = state.ready if state is not None else 0
    takes_all = _answers(state, pods) and not (scene.frozen and arm.exposed_since is None)
    weight = 0 if not pods or not ready else share if takes_all else min(arm.weight, share)
    exposed = arm.exposed_since or (scene.now if weight else None)
    changes: dict[str, object] = {"share": share, "replicas": pods, "weight": weight, "exposed_since": exposed}
    changes |= {"since": scene.now} if pods and state is None else {}
    return arm.model_copy(update=changes)


def planned(scene: Scene, arm: ArmStatus, control_share: int) -> ArmStatus:
    """With how many samples it takes until its verdict."""
    if arm.verdict != "Undecided":
        return arm
    required = scorecard.required(scene.plan, controls(arm), (arm.share, control_share))
    return arm.model_copy(update={"required_samples": required})


def _pods(scene: Scene, share: int) -> int:
    """As many as carry the share; of a bandit the largest that it may give."""
    most = max(share, scene.experiment.bandit.max_weight if scene.experiment.bandit else 0)
    return min(scene.replicas, ceil(scene.replicas * most / 100)) if share else 0


def _answers(state: VersionSetState | None, pods: int) -> bool:
    return state is not None and state.answers(pods)


def _failure(scene: Scene, arm: ArmStatus) -> str | None:
    state = scene.state(arm)
    verdict = scene.tally.verdicts.get(arm.version_set) if scene.tally else None
    if verdict is not None and verdict.failed:
        return f"it broke a guardrail ({verdict.message})"
    crash = state.crash_since(arm.exposed_since) if state is not None else None
    if crash is not None:
        return f"it stopped while it got requests ({crash})"
    if state is None or arm.exposed_since is not None or _answers(state, arm.replicas):
        return None
    if state.room.is_late(arm.since, scene.deadline, scene.now):
        return f"it did not answer within {scene.deadline.total_seconds():.0f} s ({state.trouble or SILENT})"
    return None


def _counted(scene: Scene, arm: ArmStatus) -> ArmStatus:
    """With what was counted of both since it got requests."""
    if scene.tally is None or arm.exposed_since is None:
        return arm
    mine = scene.tally.since(arm.version_set, arm.exposed_since)
    theirs = scene.tally.since(scene.control.version_set, arm.exposed_since)
    return arm.model_copy(
        update={
            "hits": arm.hits + mine.hits,
            "samples": arm.samples + mine.total,
            "control_hits": arm.control_hits + theirs.hits,
            "control_samples": arm.control_samples + theirs.total,
        }
    )


def _scored(scene: Scene, arm: ArmStatus) -> ArmStatus:
    """With its scorecard, and a verdict where one is sure and may be made."""
    mine, theirs = ours(arm), controls(arm)
    changes: dict[str, object] = {}
    if mine.total and theirs.total:
        found = scorecard.effect(scene.plan, mine, theirs)
        numbers = {"value": mine.share, "effect": found.seen, "lower": found.lower, "upper": found.upper}
        changes |= {name: round(number, DIGITS) for name, number in numbers.items()}
    if not scene.frozen:
        changes |= {"verdict": scorecard.verdict(scene.plan, mine, theirs)}
    return arm.model_copy(update=changes)
