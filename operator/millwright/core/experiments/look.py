"""One look at an experiment: which arms there are, what is known of them, what each gets, and whether it is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from millwright.api.deployment import ArmStatus, ExperimentStatus, ServedVersion
from millwright.api.experiment import Experiment
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.execution import short_hash
from millwright.core.experiments import arms as arms_of
from millwright.core.experiments import shares
from millwright.core.experiments.arms import Scene
from millwright.core.experiments.roster import Roster, roster
from millwright.core.serving_pod import Platform

NOT_COMPARED = {"when_decided", "max_duration_seconds", "interval_seconds"}


@dataclass(frozen=True)
class Look:
    """What is now."""

    status: ExperimentStatus
    roster: Roster


def attempt(experiment: Experiment, control: ServedVersion) -> str:
    """Hash of what is compared: anything else is another experiment."""
    compared = experiment.model_dump(mode="json", exclude=NOT_COMPARED, exclude_none=True)
    return short_hash([compared, control.version_set])


def look(
    observed: DeploymentObserved, experiment: Experiment, control: ServedVersion, platform: Platform, now: datetime
) -> Look:
    """Beside `control`, which serves. Raises InvalidPlacement."""
    record = _record(observed, experiment, control, now)
    scene = _scene(observed, experiment, control, now)
    here = roster(observed, experiment, control, platform, {arm.name: arm for arm in record.arms}, now)
    arms = [arms_of.looked(scene, arm) for arm in here.arms]
    decided = _decided(record, here) or (now if _is_over(scene, record, arms, bool(here.missing)) else None)
    winner = _winner(scene, arms) if decided else None
    counted_to = scene.tally.until if scene.tally else record.counted_to
    wanted = shares.wanted(scene, arms, winner, f"{observed.uid} {counted_to.isoformat()}")
    given = [arms_of.given(scene, arm, share) for arm, share in zip(arms, wanted, strict=True)]
    told = tuple(arms_of.planned(scene, arm, 100 - sum(wanted)) for arm in given)
    changes = {"arms": told, "decided_at": decided, "winner": winner, "counted_to": counted_to}
    return Look(record.model_copy(update=changes), here)


def _record(
    observed: DeploymentObserved, experiment: Experiment, control: ServedVersion, now: datetime
) -> ExperimentStatus:
    """The one that is under way, or one that begins now."""
    tried, old = attempt(experiment, control), observed.status.experiment
    if old is not None and old.attempt == tried:
        return old
    return ExperimentStatus(attempt=tried, control=control.version, began=now, counted_to=now)


def _scene(observed: DeploymentObserved, experiment: Experiment, control: ServedVersion, now: datetime) -> Scene:
    return Scene(
        experiment=experiment,
        control=control,
        replicas=observed.replicas,
        states=observed.sets,
        tally=observed.tally,
        frozen=observed.spec.rollout.paused or observed.blind is not None,
        deadline=timedelta(seconds=observed.spec.progress_deadline_seconds),
        now=now,
    )


def _decided(record: ExperimentStatus, here: Roster) -> datetime | None:
    """Since when; an arm that came since has the experiment go on."""
    known = {arm.version_set for arm in record.arms}
    return record.decided_at if all(arm.version_set in known for arm in here.arms) else None


def _is_over(scene: Scene, record: ExperimentStatus, arms: list[ArmStatus], incomplete: bool) -> bool:
    """Whether every arm has its verdict, or the time is over."""
    if scene.frozen or not arms:
        return False
    limit = scene.experiment.max_duration_seconds
    if limit is not None and scene.now >= record.began + timedelta(seconds=limit):
        return True
    return not incomplete and all(arm.verdict != "Undecided" for arm in arms)


def _winner(scene: Scene, arms: list[ArmStatus]) -> str:
    """The best of those that are surely better, else the control."""
    better = [arm for arm in arms if arm.verdict == "Better"]
    gain = 1 if scene.plan.increase else -1
    best = max(better, key=lambda arm: gain * (arm.effect or 0.0), default=None)
    return best.version if best else scene.control.version
