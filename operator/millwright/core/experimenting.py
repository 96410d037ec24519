"""What an experiment does to a Deployment whose version serves: arms beside it, and what is told of them."""

from dataclasses import replace
from datetime import datetime

from millwright.api.deployment import ArmStatus, ServedVersion
from millwright.core import deployment_actions as actions
from millwright.core import deployment_report as report
from millwright.core import on_record
from millwright.core.conditions import Fact
from millwright.core.deployment_actions import Actions
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.experiments import telling
from millwright.core.experiments.look import Look, look
from millwright.core.serving_pod import Platform


def ended(observed: DeploymentObserved, now: datetime) -> DeploymentObserved:
    """Without an experiment: its arms lose what they got, and drain as what served before."""
    if observed.status.experiment is None:
        return observed
    had_requests = any(arm.weight for arm in observed.status.experiment.arms)
    status = on_record.changed(observed.status, had_requests, now, experiment=None)
    return replace(observed, status=status, tally=None)


def step(
    observed: DeploymentObserved, control: ServedVersion, platform: Platform, facts: tuple[Fact, ...], now: datetime
) -> tuple[DeploymentObserved, tuple[Fact, ...], Actions]:
    """The experiment, where there is one: its record, what is told, and its arms' version sets.

    It begins when the control serves. `facts`: what is told of that. Raises InvalidPlacement.
    """
    experiment = observed.spec.strategy.experiment
    if experiment is None or (observed.status.experiment is None and facts[0].reason != report.SERVING):
        return observed, facts, ()
    found = look(observed, experiment, control, platform, now)
    told = (*telling.facts(observed, found, facts), *telling.degraded(found))
    return _recorded(observed, found, now), told, _made(observed, found, platform)


def _recorded(observed: DeploymentObserved, found: Look, now: datetime) -> DeploymentObserved:
    """What had requests and is to have no pods any more drains first."""
    before = observed.status.experiment.arms if observed.status.experiment else ()
    kept = {arm.version_set for arm in found.status.arms if arm.replicas}
    drains = any(arm.weight and arm.version_set not in kept for arm in before)
    record = found.status if found.status.arms or found.roster.missing else None
    return replace(observed, status=on_record.changed(observed.status, drains, now, experiment=record))


def _made(observed: DeploymentObserved, found: Look, platform: Platform) -> Actions:
    def of(arm: ArmStatus) -> Actions:
        return actions.made(observed, arm.version_set, found.roster.targets[arm.version_set], platform, arm.replicas)

    return tuple(action for arm in found.status.arms if arm.replicas for action in of(arm))
