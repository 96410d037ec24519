"""The wording of a Deployment's status."""

from datetime import datetime

from millwright.api.deployment import Candidate, DeploymentStatus, RejectedVersion, ServedVersion
from millwright.core import traffic, version_set
from millwright.core.conditions import Fact, Truth, find, merge, ready, stalled, unavailable, working
from millwright.core.deployment_state import DeploymentObserved, Unresolved
from millwright.core.pod_state import Trouble
from millwright.core.room import UNSCHEDULABLE
from millwright.core.strategies.rollout import Step
from millwright.core.training_state import Missing
from millwright.core.version_set_state import VersionSetState

SERVING, STARTING, NOT_READY, ZERO = "Serving", "PodsStarting", "PodsNotReady", "ScaledToZero"
ABSENT = VersionSetState("", replicas=0, ready=0)


def missing(observed: DeploymentObserved, what: Missing) -> tuple[Fact, ...]:
    """What is wanted is not there, or wrong."""
    message = what.message + _kept(observed)
    verdict = (stalled if what.final else working)(what.reason, message)
    return (*verdict, _progressing("False", what.reason, message))


def unresolved(observed: DeploymentObserved, why: Unresolved) -> tuple[Fact, ...]:
    """The registry does not answer. Where what serves was what is wanted, it is as ready as its pods are."""
    stable, before = observed.status.stable, find(observed.status.conditions, "Ready")
    unknown = _progressing("Unknown", why.reason, why.message)
    if stable is None or before is None or before.reason not in (SERVING, STARTING, NOT_READY, ZERO):
        return (*working(why.reason, why.message + _kept(observed)), unknown)
    return (*serving(observed, stable), Fact("Reconciling", "True", why.reason, why.message), unknown)


def rolling_out(step: Step) -> tuple[Fact, ...]:
    """A candidate is on its way, or waits for room and nobody can tell how long."""
    if step.stuck:
        return (*stalled(step.reason, step.message), _progressing("False", step.reason, step.message))
    return (*working(step.reason, step.message), _progressing("True", step.reason, step.message))


def switching(stable: ServedVersion) -> tuple[Fact, ...]:
    """The traffic has just been given to another version."""
    message = f"traffic goes to version {stable.version}"
    return (*working("Switching", message), _progressing("True", "Switching", message))


def serving(observed: DeploymentObserved, stable: ServedVersion) -> tuple[Fact, ...]:
    """The wanted version has the traffic."""
    complete = _progressing("False", "Complete", f"version {stable.version} is rolled out")
    state, want = observed.serving, observed.replicas
    if want == 0:
        return (*ready(ZERO, _scaled_to_zero(stable)), complete)
    have, trouble = (state.ready, state.trouble) if state else (0, None)
    message = f"version {stable.version}: {have} of {want} pods answer"
    if have >= want and observed.route_trouble:
        return (*working("RouteNotReady", f"{message}; {observed.route_trouble}"), complete)
    if have >= want:
        return (*ready(SERVING, message), complete)
    if have and (trouble is None or _finds_room(observed, stable, trouble)):
        return (*working(STARTING, f"{message}, the others start"), complete)
    return (*unavailable(NOT_READY, message + (f": {trouble}" if trouble else "")), complete)


def _finds_room(observed: DeploymentObserved, stable: ServedVersion, trouble: Trouble) -> bool:
    """Whether pods without a node have one as soon as those that served before are gone."""
    is_leaving = observed.others(stable.version_set) > 0 and observed.status.experiment is None
    return trouble.reason == UNSCHEDULABLE and is_leaving


def rejected(observed: DeploymentObserved, what: RejectedVersion) -> tuple[Fact, ...]:
    """A version has failed, and is not tried again."""
    message = (
        f"version {what.version} {_failure(what)}{_kept(observed)}; it is tried again when the version, the pod "
        "template, strategy, analysis or progressDeadlineSeconds changes"
    )
    degraded = Fact("Degraded", "True", what.verdict, message)
    return (*stalled(what.verdict, message), _progressing("False", what.verdict, message), degraded)


def _failure(what: RejectedVersion) -> str:
    if what.verdict == "AnalysisFailed":
        return f"has failed the analysis ({what.message})"
    if what.verdict == "CandidateFailed":
        return f"stopped while it got requests ({what.message})"
    return f"did not answer within {what.progress_deadline_seconds} s ({what.message})"


def status(observed: DeploymentObserved, now: datetime, facts: tuple[Fact, ...], **changes: object) -> DeploymentStatus:
    """The status that says `facts`, and how many pods of what has the traffic there are.

    Where the candidate comes without a surge, its pods have the traffic of those that left for it.
    """
    stable = changes.get("stable", observed.status.stable)
    assert stable is None or isinstance(stable, ServedVersion)
    candidate = changes.get("candidate", observed.status.candidate)
    other = candidate if isinstance(candidate, Candidate) and candidate.without_surge and candidate.weight else None
    state, beside = (observed.sets.get(one.version_set, ABSENT) if one else ABSENT for one in (stable, other))
    told = (*_sound(observed, facts), *facts, _available(observed, stable, other))
    values: dict[str, object] = {
        "observed_generation": observed.generation,
        "url": traffic.url(observed.key, observed.spec.route) if stable else None,
        "routed": observed.spec.route is not None and stable is not None,
        "replicas": state.current + beside.ready,
        "ready_replicas": state.ready + beside.ready,
        "selector": version_set.selector(observed.key, stable.version_set if stable and not other else None),
        "conditions": merge(observed.status.conditions, told, observed.generation, now),
    }
    return observed.status.model_copy(update=values | changes)


def _sound(observed: DeploymentObserved, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """No roll-out has failed; said where one had."""
    was, is_said = find(observed.status.conditions, "Degraded"), any(fact.type == "Degraded" for fact in facts)
    if was is None or is_said:
        return ()
    return (Fact("Degraded", "False", facts[0].reason, "no roll-out has failed since"),)


def _available(observed: DeploymentObserved, stable: ServedVersion | None, other: Candidate | None) -> Fact:
    """Whether anything answers, whatever becomes of the version that is wanted."""
    if stable is None:
        return Fact("Available", "False", "NothingServes", "no version has answered yet")
    if observed.replicas == 0:
        return Fact("Available", "False", ZERO, _scaled_to_zero(stable))
    both = [stable, other] if other else [stable]
    have = sum(observed.sets.get(one.version_set, ABSENT).ready for one in both)
    named = " and ".join(f"version {one.version}" for one in both)
    message = f"{named}: {have} of {observed.replicas} pods answer"
    return Fact("Available", "True" if have else "False", SERVING if have else NOT_READY, message)


def _scaled_to_zero(stable: ServedVersion) -> str:
    return f"scaled to zero: version {stable.version} is kept and does not answer until spec.replicas is raised"


def _kept(observed: DeploymentObserved) -> str:
    """What becomes of the version that has the traffic."""
    stable, state = observed.status.stable, observed.serving
    if stable is None:
        return ""
    answers = state is not None and state.ready > 0
    return f"; version {stable.version} {'goes on serving' if answers else 'is started again'}"


def _progressing(status: Truth, reason: str, message: str) -> Fact:
    return Fact("Progressing", status, reason, message)
