"""An experiment in words: conditions of its Deployment."""

from millwright.api.deployment import ArmStatus
from millwright.core.conditions import Fact, Truth, ready, stalled, working
from millwright.core.deployment_report import SERVING
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.experiments.look import Look
from millwright.core.room import UNSCHEDULABLE
from millwright.core.training_state import Missing
from millwright.core.version_set_state import progress


def facts(observed: DeploymentObserved, look: Look, control: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """`control`: what is told of the version that serves. Its trouble comes first."""
    is_idle = not look.status.arms and not look.roster.missing
    if control[0].reason != SERVING or is_idle:
        return control
    verdict = _held(observed, look) or _going_on(observed, look)
    truth: Truth = "False" if look.status.decided_at else "True"
    return (*verdict, Fact("Progressing", truth, verdict[0].reason, verdict[0].message))


def degraded(look: Look) -> tuple[Fact, ...]:
    """Arms that have failed."""
    failed = [f"arm {arm.name} has failed: {arm.message}" for arm in look.status.arms if arm.verdict == "Failed"]
    return (Fact("Degraded", "True", "ArmFailed", "; ".join(failed)),) if failed else ()


def _held(observed: DeploymentObserved, look: Look) -> tuple[Fact, ...] | None:
    """What keeps it from going on; None: nothing."""
    missing = [(f"arm {name}: {what.message}", what) for name, what in look.roster.missing.items()]
    if missing:
        is_final = any(isinstance(what, Missing) and what.final for _, what in missing)
        message = "; ".join(said for said, _ in missing)
        return (stalled if is_final else working)(missing[0][1].reason, message)
    if observed.blind is not None:
        return working(observed.blind.reason, observed.blind.message)
    if observed.spec.rollout.paused:
        return working("Paused", f"spec.rollout.paused keeps weights and verdicts as they are; {_scores(look)}")
    return None


def _going_on(observed: DeploymentObserved, look: Look) -> tuple[Fact, ...]:
    starting = [said for arm in look.status.arms if (said := _starting(observed, arm))]
    if starting:
        return working(_why(observed, look), "; ".join(starting))
    if look.status.decided_at is None:
        return ready("Experimenting", _scores(look))
    return ready("ExperimentDecided", f"version {look.status.winner} is the best; {_scores(look)}")


def _why(observed: DeploymentObserved, look: Look) -> str:
    """Whether it is for want of room that arms have not started."""
    troubles = (observed.sets[arm.version_set].trouble for arm in look.status.arms if arm.version_set in observed.sets)
    is_lacking = any(trouble is not None and trouble.reason == UNSCHEDULABLE for trouble in troubles)
    return UNSCHEDULABLE if is_lacking else "RollingOut"


def _starting(observed: DeploymentObserved, arm: ArmStatus) -> str | None:
    """How many of its pods answer; None: all."""
    state = observed.sets.get(arm.version_set)
    if not arm.replicas or (state is not None and state.answers(arm.replicas)):
        return None
    return f"arm {arm.name}: {progress(state, arm.replicas)}"


def _scores(look: Look) -> str:
    left_out = (f"arm {name} is left out: {why}" for name, why in look.roster.left_out.items())
    return "; ".join([*map(_score, look.status.arms), *left_out])


def _score(arm: ArmStatus) -> str:
    """`arm 8: 5211 of about 4720 samples, 12.70%, +2.40 points (+0.60 to +4.20): Better`."""
    planned = f" of about {arm.required_samples}" if arm.required_samples and arm.verdict == "Undecided" else ""
    said = f"arm {arm.name}: {arm.samples:.0f}{planned} samples"
    if arm.value is not None and arm.effect is not None and arm.lower is not None and arm.upper is not None:
        said += f", {arm.value:.2%}, {_points(arm.effect)} points ({_points(arm.lower)} to {_points(arm.upper)})"
    return f"{said}: {arm.verdict}"


def _points(share: float) -> str:
    return f"{share * 100:+.2f}"
