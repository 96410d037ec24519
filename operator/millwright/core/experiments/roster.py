"""Which arms there are: as the spec names them, as they are on record, or why they are not there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from millwright.api.deployment import ArmStatus, ServedVersion
from millwright.api.experiment import Experiment
from millwright.core import on_record, version_set
from millwright.core.deployment_state import DeploymentObserved, Unresolved
from millwright.core.experiments import arms as arms_of
from millwright.core.serving_pod import Platform, Target
from millwright.core.training_state import Missing

Absent = Missing | Unresolved


@dataclass(frozen=True)
class Roster:
    """`targets`: what the arms' version sets serve. `missing`: by name, arms that are waited for, and why.

    `left_out`: arms that shall not be there, and why.
    """

    arms: tuple[ArmStatus, ...]
    targets: Mapping[str, Target]
    missing: Mapping[str, Absent]
    left_out: Mapping[str, str]


def roster(
    observed: DeploymentObserved,
    experiment: Experiment,
    control: ServedVersion,
    platform: Platform,
    known: Mapping[str, ArmStatus],
    now: datetime,
) -> Roster:
    """`known`: arms on record, by name. Raises InvalidPlacement."""
    arms: list[ArmStatus] = []
    targets: dict[str, Target] = {}
    missing: dict[str, Absent] = {}
    left_out: dict[str, str] = {}
    served = {control.version: "spec.model"}
    for arm, resolved in zip(experiment.arms, observed.arms, strict=True):
        record = known.get(arm.name)
        target = on_record.target(record) if record and not isinstance(resolved, Target) else resolved
        if not isinstance(target, Target):
            missing[arm.name] = target
        elif target.version in observed.spec.rollout.abort:
            left_out[arm.name] = f"version {target.version} is in spec.rollout.abort"
        elif target.version in served:
            left_out[arm.name] = f"it is version {target.version}, as {served[target.version]}"
        else:
            name = version_set.name(observed.key, observed.spec, target, platform)
            same = record if record is not None and record.version_set == name else None
            arms.append(same or arms_of.new(arm.name, target, name, arm.weight, now))
            targets[name], served[target.version] = target, f"arm {arm.name}"
    return Roster(tuple(arms), targets, missing, left_out)
