"""TrainingRun, decided: from what was observed to what to do next.

`decide` asks the stages in order; the first that has something to say answers. Each pass does one step and
looks again, so that being killed between any two lines only means looking again.
"""

from collections.abc import Callable
from datetime import datetime

from millwright.api.training_run import TrainingRunStatus
from millwright.core import dataset_checks, gates, packaging, records, report, verdicts
from millwright.core.actions import (
    CloseRun,
    Dequeue,
    Enqueue,
    Forget,
    HoldFinalizer,
    LabelFailure,
    Launch,
    OpenRun,
    Register,
    ReleaseFinalizer,
    Stop,
    TagRun,
    Terminate,
    TrainingAction,
)
from millwright.core.attempts import current_execution, is_tried_again
from millwright.core.conditions import stalled, working
from millwright.core.execution import Cause, Execution, Phase, outlives_its_owner
from millwright.core.gates import Verdict
from millwright.core.housekeeping import within_limit
from millwright.core.limits import exceeded
from millwright.core.lineage import launch_tags, run_tags, version_tags
from millwright.core.plan import Plan
from millwright.core.queueing import Admission
from millwright.core.training_state import Missing, ModelTarget, Observed

POLL_SECONDS = 3.0
WAIT_SECONDS = 15.0
AT_ONCE = 0.0


TrainingPlan = Plan[TrainingAction, TrainingRunStatus]
Stage = Callable[[Observed, Execution, datetime], TrainingPlan | None]


def decide(observed: Observed, now: datetime) -> TrainingPlan:
    """The next step. Total: every state that can be observed has an answer."""
    execution = current_execution(observed.subject)
    plans = (stage(observed, execution, now) for stage in STAGES)
    return within_limit(observed.subject, execution, next(plan for plan in plans if plan is not None))


def _deleted(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if not observed.subject.deleting:
        return None
    if not observed.subject.held:
        return Plan(observed.subject.status)
    ends: list[TrainingAction] = [Terminate(key) for key in (*observed.strays, execution.key)]
    return Plan(observed.subject.status, (*ends, Forget(), ReleaseFinalizer()))


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
    return _concluded(observed, report.succeeded(observed, execution, now), _finish(observed, execution))


def _recorded_failure(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """The registry says that the pipeline failed, and why. That outlives the pipeline run, which must not go on."""
    tracked, running = observed.tracked, observed.running
    if tracked is None or tracked.failure is None:
        return None
    if running is not None and running.active:
        facts = working("Stopping", f"ending the pipeline run: {tracked.failure.message}")
        status = report.status(observed.subject, execution, now, "Running", facts, observed)
        return Plan(status, _stop(observed, execution), POLL_SECONDS)
    close = (*_close(observed, "FAILED", tracked.failure), *_leave_queue(observed, execution))
    if is_tried_again(observed.subject, execution, tracked.failure):
        return Plan(report.retried(observed, execution, now, tracked.failure), close, AT_ONCE)
    return _concluded(observed, report.failed(observed, execution, now, tracked.failure), close)


def _suspended(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    running = observed.running
    if not observed.subject.spec.suspend or (running and not running.active) or observed.ended_well:
        return None
    stop = (*dataset_checks.stop(observed), *_leave_queue(observed, execution), *_stop(observed, execution))
    facts = working("Suspended", "spec.suspend is true; set it to false to go on")
    status = report.status(observed.subject, execution, now, "Suspended", facts)
    return Plan(status, stop, POLL_SECONDS if running else None)


def _incomplete(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Before a launch all inputs must be there; afterwards the execution has its own copy."""
    inputs = (observed.pipeline, observed.model) if observed.is_to_be_launched else (observed.model,)
    missing = next((i for i in inputs if isinstance(i, Missing)), None)
    if missing is None:
        return None
    facts = (stalled if missing.final else working)(missing.reason, missing.message)
    status = report.status(observed.subject, execution, now, "Pending", facts)
    return Plan(status, requeue_after=WAIT_SECONDS)


def _queued(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Between a complete spec and its launch, and, where quota is taken back, at any time until the pipeline's end."""
    running, place = observed.running, observed.queue_place
    if observed.ended_well or (running is not None and not running.active):
        return None
    if place is None:
        return _enqueue(observed, execution) if running is None else None
    evicted = place.admission is Admission.EVICTED
    if running is None and (evicted or place.queue != observed.subject.spec.queue_name):
        return Plan(observed.subject.status, (Dequeue(execution.key),), AT_ONCE)
    if not evicted and (running is not None or place.admission is Admission.ADMITTED):
        return None
    status = report.status(observed.subject, execution, now, "Queued", working("Queued", _queue_message(observed)))
    return Plan(status, _stop(observed, execution), POLL_SECONDS if running is not None else WAIT_SECONDS)


def _enqueue(observed: Observed, execution: Execution) -> TrainingPlan | None:
    spec, source = observed.subject.spec, observed.pipeline
    if spec.queue_name is None or isinstance(source, Missing):
        return None
    return Plan(observed.subject.status, (Enqueue(execution, source.pipeline, spec),), AT_ONCE)


def _queue_message(observed: Observed) -> str:
    place = observed.queue_place
    assert place is not None
    if place.admission is Admission.EVICTED:
        return f"the quota was taken back: {place.message}"
    before = "" if place.position is None else f", {place.position} before it"
    return f"in queue {observed.subject.spec.queue_name}{before}: {place.message}"


def _untracked(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if observed.tracked is not None:
        return None
    hold = () if observed.subject.held else (HoldFinalizer(),)
    status = observed.subject.status
    label = (LabelFailure(None),) if observed.subject.failure_label else ()
    return Plan(status, (*hold, *label, OpenRun(execution, run_tags(observed, execution))), AT_ONCE)


def _outdated(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """The MLflow run speaks of another pipeline than the one to be launched: the source has changed since."""
    tracked, launched = observed.tracked, observed.pipeline
    if not observed.is_to_be_launched or tracked is None or isinstance(launched, Missing):
        return None
    if tracked.pipeline_digest == launched.pipeline.digest:
        return None
    return Plan(observed.subject.status, (TagRun(tracked.id, launch_tags(observed)),), AT_ONCE)


def _unlaunched(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if not observed.is_to_be_launched or observed.tracked is None or isinstance(observed.pipeline, Missing):
        return None
    hold = () if observed.subject.held else (HoldFinalizer(),)
    source, spec = observed.pipeline, observed.subject.spec
    record = records.record(execution, source)
    launch = Launch(execution, source.pipeline, source.arguments, observed.tracked.id, spec, record)
    return Plan(observed.subject.status, (*hold, launch), AT_ONCE)


def _past_its_limit(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """The cause is recorded first and the run stopped by the next look, so that being killed here loses nothing."""
    assert observed.tracked is not None
    running = observed.running
    if running is None or not running.active or running.ending:
        return None
    cause = exceeded(observed, execution, now)
    if cause is None:
        return None
    return Plan(observed.subject.status, (CloseRun(observed.tracked.id, "FAILED", cause),), AT_ONCE)


def _under_way(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    running = observed.running
    if running is None or not running.active:
        return None
    if running.phase is Phase.PENDING:
        facts = working("Pending", running.waiting_for or "waiting for the pod to start")
    else:
        facts = working("Running", running.waiting_for or "the pipeline is running")
    status = report.status(observed.subject, execution, now, running.phase.value, facts, observed)
    return Plan(status, requeue_after=POLL_SECONDS)


def _failed(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    assert observed.tracked is not None
    if observed.running is None or observed.running.phase is not Phase.FAILED:
        return None
    cause = observed.running.cause or Cause("Error", "the pipeline failed and left no reason")
    return Plan(observed.subject.status, (CloseRun(observed.tracked.id, "FAILED", cause),), AT_ONCE)


def _replayed(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """A replay ends with its pipeline: it is compared, and becomes no version."""
    if observed.subject.spec.replay_of is None:
        return None
    return _concluded(observed, report.replayed(observed, execution, now), _finish(observed, execution))


def _gated(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    assert observed.tracked is not None
    said = _verdicts(observed)
    failures = verdicts.failures(said)
    if not failures:
        return None
    cause = Cause("GatesFailed", failures, final=True)
    return _concluded(observed, report.failed(observed, execution, now, cause, said), _finish(observed, execution))


def _verdicts(observed: Observed) -> tuple[Verdict, ...]:
    """Of now: those at the registration count, and are kept in the version."""
    assert observed.tracked is not None
    return gates.judge(observed.subject.spec, observed.tracked.metrics, observed.references)


def _packaged(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    if packaging.is_done(observed):
        return None
    cause = packaging.failure(observed)
    if cause is None:
        return packaging.proceed(observed, execution, now)
    status = report.failed(observed, execution, now, cause, _verdicts(observed))
    return _concluded(observed, status, _finish(observed, execution))


def _unregistered(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan:
    assert observed.tracked is not None and isinstance(observed.model, ModelTarget)
    package = observed.tracked.package
    assert package is not None
    tags = version_tags(observed.subject.spec, execution, package, _verdicts(observed))
    register = Register(observed.model.registered_name, observed.tracked.id, package, tags)
    return Plan(observed.subject.status, (register,), AT_ONCE)


def _concluded(observed: Observed, status: TrainingRunStatus, close: tuple[TrainingAction, ...]) -> TrainingPlan:
    """Nothing is under way any more; the finalizer stays where the backend keeps a record that must go in the end."""
    kept = status.pipeline_run is not None and outlives_its_owner(status.pipeline_run.backend)
    release = (ReleaseFinalizer(),) if observed.subject.held and not kept else ()
    reason = status.failure.reason if status.failure else None
    label = (LabelFailure(reason),) if reason != observed.subject.failure_label else ()
    return Plan(status, (*close, *release, *label))


def _finish(observed: Observed, execution: Execution) -> tuple[TrainingAction, ...]:
    return (*_close(observed, "FINISHED"), *_leave_queue(observed, execution))


def _close(observed: Observed, status: str, cause: Cause | None = None) -> tuple[TrainingAction, ...]:
    tracked = observed.tracked
    if tracked is None or (tracked.status == status and (tracked.succeeded or tracked.failure)):
        return ()
    return (CloseRun(tracked.id, status, cause),)


def _leave_queue(observed: Observed, execution: Execution) -> tuple[TrainingAction, ...]:
    return (Dequeue(execution.key),) if observed.queue_place is not None else ()


def _stop(observed: Observed, execution: Execution) -> tuple[TrainingAction, ...]:
    running = observed.running
    return (Stop(execution.key),) if running is not None and not running.ending else ()


STAGES: tuple[Stage, ...] = (
    _deleted,
    _superseded,
    _already_registered,
    _recorded_failure,
    _suspended,
    _incomplete,
    dataset_checks.unchecked,
    _queued,
    _untracked,
    _outdated,
    _unlaunched,
    _past_its_limit,
    _under_way,
    _failed,
    _replayed,
    _gated,
    _packaged,
    _unregistered,
)
