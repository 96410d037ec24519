"""TrainingRun, decided: from what was observed to what to do next.

`decide` asks the stages in order; the first that has something to say answers. Each pass does one step and
looks again, so that being killed between any two lines only means looking again.
"""

from collections.abc import Callable
from datetime import datetime

from millwright.api.training_run import TrainingRunStatus
from millwright.core import gates, report
from millwright.core.actions import (
    CloseRun,
    HoldFinalizer,
    Launch,
    OpenRun,
    PackageModel,
    Register,
    ReleaseFinalizer,
    SetSuspended,
    Terminate,
    TrainingAction,
)
from millwright.core.conditions import find, stalled, working
from millwright.core.execution import Cause, Execution, Phase, spec_hash
from millwright.core.lineage import run_tags, version_tags
from millwright.core.plan import Plan
from millwright.core.training_state import Missing, ModelTarget, Observed, Subject

POLL_SECONDS = 3.0
WAIT_SECONDS = 15.0
AT_ONCE = 0.0
DEADLINE_EXCEEDED = "DeadlineExceeded"


TrainingPlan = Plan[TrainingAction, TrainingRunStatus]
Stage = Callable[[Observed, Execution, datetime], TrainingPlan | None]


def current_execution(subject: Subject) -> Execution:
    """The execution that the spec asks for; a change of the hash begins at attempt 1 again."""
    wanted = spec_hash(subject.spec)
    attempt = subject.status.attempt if subject.status.spec_hash == wanted else 1
    return Execution(subject.key, subject.uid, wanted, max(attempt, 1))


def is_settled(subject: Subject) -> bool:
    """True when this generation has its result and nothing is left to do; then nothing outside need be read."""
    succeeded = find(subject.status.conditions, "Succeeded")
    return (
        not subject.deleting
        and not subject.held
        and succeeded is not None
        and succeeded.status != "Unknown"
        and subject.status.observed_generation == subject.generation
        and subject.status.spec_hash == spec_hash(subject.spec)
    )


def decide(observed: Observed, now: datetime) -> TrainingPlan:
    """The next step. Total: every state that can be observed has an answer."""
    execution = current_execution(observed.subject)
    plans = (stage(observed, execution, now) for stage in STAGES)
    return next(plan for plan in plans if plan is not None)


def _deleted(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if not observed.subject.deleting:
        return None
    ends: list[TrainingAction] = [Terminate(key) for key in (*observed.strays, execution.key)]
    release = (ReleaseFinalizer(),) if observed.subject.held else ()
    return Plan(observed.subject.status, (*ends, *release) if release else ())


def _superseded(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if not observed.strays:
        return None
    facts = working("Superseding", "the spec changed: ending the execution that was under way")
    status = report.status(observed.subject, execution, now, "Pending", facts)
    return Plan(status, tuple(Terminate(key) for key in observed.strays), requeue_after=1.0)


def _already_registered(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """A registered execution is done for good, whatever has become of its Jobs since."""
    if observed.version is None or observed.tracked is None:
        return None
    return _done(observed, execution, now)


def _suspended(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    running = observed.running
    if not observed.subject.spec.suspend or (running and running.phase in (Phase.SUCCEEDED, Phase.FAILED)):
        return None
    stop = (SetSuspended(execution.key, True),) if running and not running.suspended else ()
    facts = working("Suspended", "spec.suspend is true; set it to false to go on")
    return Plan(report.status(observed.subject, execution, now, "Suspended", facts), stop)


def _incomplete(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Before a launch all inputs must be there; afterwards the execution has its own copy."""
    inputs = (observed.model,) if observed.running else (observed.pipeline, observed.model)
    missing = next((i for i in inputs if isinstance(i, Missing)), None)
    if missing is None:
        return None
    facts = (stalled if missing.final else working)(missing.reason, missing.message)
    status = report.status(observed.subject, execution, now, "Pending", facts)
    return Plan(status, requeue_after=WAIT_SECONDS)


def _untracked(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if observed.tracked is not None:
        return None
    hold = () if observed.subject.held else (HoldFinalizer(),)
    status = observed.subject.status
    return Plan(status, (*hold, OpenRun(execution, run_tags(observed, execution))), AT_ONCE)


def _unlaunched(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if observed.running is not None or observed.tracked is None or isinstance(observed.pipeline, Missing):
        return None
    hold = () if observed.subject.held else (HoldFinalizer(),)
    launch = Launch(execution, observed.pipeline, observed.tracked.id, observed.subject.spec)
    return Plan(observed.subject.status, (*hold, launch), AT_ONCE)


def _under_way(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    running = observed.running
    if running is None or running.phase not in (Phase.PENDING, Phase.RUNNING):
        return None
    go_on = (SetSuspended(execution.key, False),) if running.suspended else ()
    if running.phase is Phase.PENDING:
        facts = working("Pending", running.waiting_for or "waiting for the pod to start")
    else:
        facts = working("Running", "the pipeline is running")
    status = report.status(observed.subject, execution, now, running.phase.value, facts, observed)
    return Plan(status, go_on, POLL_SECONDS)


def _failed(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if observed.running is None or observed.running.phase is not Phase.FAILED:
        return None
    cause = observed.running.cause or Cause("Error", "the pipeline failed and left no reason")
    again = execution.attempt <= observed.subject.spec.backoff_limit and cause.reason != DEADLINE_EXCEEDED
    if (again and not cause.final) or _was_given_more_time(observed, cause):
        close = _close(observed, "FAILED")
        return Plan(report.retried(observed, execution, now, cause), close, AT_ONCE)
    return _ended_in_failure(observed, execution, now, cause)


def _was_given_more_time(observed: Observed, cause: Cause) -> bool:
    """A longer activeDeadlineSeconds is the answer to DeadlineExceeded, and starts another attempt."""
    allowed = observed.subject.spec.active_deadline_seconds
    had = observed.running.deadline_seconds if observed.running else None
    return cause.reason == DEADLINE_EXCEEDED and had is not None and (allowed is None or allowed > had)


def _gated(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    assert observed.tracked is not None
    verdicts = gates.judge(observed.subject.spec.gates, observed.tracked.metrics)
    failed = [v for v in verdicts if not v.passed]
    if not failed:
        return None
    cause = Cause("GatesFailed", "; ".join(v.message for v in failed), final=True)
    return _ended_in_failure(observed, execution, now, cause, "FINISHED")


def _packaged(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    assert observed.tracked is not None and isinstance(observed.model, ModelTarget)
    packaging = observed.packaging
    if observed.tracked.package is not None and packaging is not None and packaging.phase is Phase.SUCCEEDED:
        return None  # our own Job wrote it last: what training code may have written there counts for nothing
    if observed.packaging and observed.packaging.phase is Phase.FAILED:
        cause = observed.packaging.cause or Cause("PackagingFailed", "the packaging Job failed and left no reason")
        return _ended_in_failure(observed, execution, now, cause, "FINISHED")
    start = PackageModel(execution, observed.tracked.id, observed.model, observed.subject.spec)
    actions = () if observed.packaging else (start,)
    facts = working("Packaging", "the model is being converted, compared with the original and stored")
    return Plan(report.status(observed.subject, execution, now, "Packaging", facts, observed), actions, POLL_SECONDS)


def _unregistered(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan:
    assert observed.tracked is not None and isinstance(observed.model, ModelTarget)
    package = observed.tracked.package
    assert package is not None
    tags = version_tags(observed.subject.spec, execution, package)
    register = Register(observed.model.registered_name, observed.tracked.id, package, tags)
    return Plan(observed.subject.status, (register,), AT_ONCE)


def _done(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan:
    release = (ReleaseFinalizer(),) if observed.subject.held else ()
    return Plan(report.succeeded(observed, execution, now), (*_close(observed, "FINISHED"), *release))


def _ended_in_failure(
    observed: Observed, execution: Execution, now: datetime, cause: Cause, run_status: str = "FAILED"
) -> TrainingPlan:
    release = (ReleaseFinalizer(),) if observed.subject.held else ()
    return Plan(report.failed(observed, execution, now, cause), (*_close(observed, run_status), *release))


def _close(observed: Observed, status: str) -> tuple[TrainingAction, ...]:
    tracked = observed.tracked
    return (CloseRun(tracked.id, status),) if tracked is not None and tracked.status != status else ()


STAGES: tuple[Stage, ...] = (
    _deleted,
    _superseded,
    _already_registered,
    _suspended,
    _incomplete,
    _untracked,
    _unlaunched,
    _under_way,
    _failed,
    _gated,
    _packaged,
    _unregistered,
)
