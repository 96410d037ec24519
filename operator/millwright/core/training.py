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
    Forget,
    HoldFinalizer,
    LabelFailure,
    Launch,
    OpenRun,
    Register,
    ReleaseFinalizer,
    TagRun,
    Terminate,
    TrainingAction,
)
from millwright.core.attempts import begins, current_execution, is_tried_again
from millwright.core.caching import may_use_cache
from millwright.core.conditions import stalled, working
from millwright.core.endings import close, concluded, finish, leave_queue, stop
from millwright.core.execution import Cause, Execution, Phase
from millwright.core.gates import Verdict
from millwright.core.housekeeping import within_limit
from millwright.core.limits import exceeded, seconds_to_deadline
from millwright.core.lineage import launch_tags, result_tags, run_tags, version_tags
from millwright.core.plan import Plan
from millwright.core.queued import queued
from millwright.core.training_state import Missing, ModelTarget, Observed

POLL_SECONDS = 3.0
# Changes of Jobs and of runs wake us; metrics and progress, which training code logs, tell nobody.
PROGRESS_SECONDS = 10.0
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
    return concluded(observed, report.succeeded(observed, execution, now), finish(observed, execution))


def _recorded_failure(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """The registry says that the pipeline failed, and why. That outlives the pipeline run, which must not go on."""
    tracked, running = observed.tracked, observed.running
    if tracked is None or tracked.failure is None:
        return None
    if running is not None and running.active:
        facts = working("Stopping", f"ending the pipeline run: {tracked.failure.message}")
        status = report.status(observed.subject, execution, now, "Running", facts, observed)
        return Plan(status, stop(observed, execution), POLL_SECONDS)
    ends = (*close(observed, "FAILED", tracked.failure), *leave_queue(observed, execution))
    if is_tried_again(observed.subject, execution, tracked.failure):
        return Plan(report.retried(observed, execution, now, tracked.failure), ends, AT_ONCE)
    return concluded(observed, report.failed(observed, execution, now, tracked.failure), ends)


def _suspended(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    running = observed.running
    if not observed.subject.spec.suspend or (running and not running.active) or observed.ended_well:
        return None
    ends = (*dataset_checks.stop(observed), *leave_queue(observed, execution), *stop(observed, execution))
    facts = working("Suspended", "spec.suspend is true; set it to false to go on")
    status = report.status(observed.subject, execution, now, "Suspended", facts)
    return Plan(status, ends, POLL_SECONDS if running else None)


def _incomplete(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Before a launch all inputs must be there; afterwards the execution has its own copy."""
    if observed.running is not None and observed.running.active:
        return None
    inputs = (observed.pipeline, observed.model) if observed.is_to_be_launched else (observed.model,)
    missing = next((i for i in inputs if isinstance(i, Missing)), None)
    if missing is None:
        return None
    facts = (stalled if missing.final else working)(missing.reason, missing.message)
    status = report.status(observed.subject, execution, now, "Pending", facts)
    return Plan(status, requeue_after=WAIT_SECONDS)


def _backing_off(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Before it asks for quota: what waits needs none."""
    begin = begins(observed.subject.status, execution)
    if not observed.is_to_be_launched or begin is None or begin <= now:
        return None
    status = report.backing_off(observed.subject, execution, now)
    return Plan(status, requeue_after=(begin - now).total_seconds())


def _untracked(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Launched, and somebody deleted its MLflow run."""
    if observed.tracked is not None or observed.running is None:
        return None
    return Plan(observed.subject.status, (OpenRun(execution, run_tags(observed, execution)),), AT_ONCE)


def _outdated(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """The MLflow run tells of another pipeline or other upstream versions than those of now: these have changed."""
    tracked, launched = observed.tracked, observed.pipeline
    if not observed.is_to_be_launched or tracked is None or isinstance(launched, Missing):
        return None
    told = observed.upstream.items() <= tracked.upstream.items()
    if tracked.pipeline_digest == launched.pipeline.digest and told:
        return None
    return Plan(observed.subject.status, (TagRun(tracked.id, launch_tags(observed)),), AT_ONCE)


def _unlaunched(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """The finalizer first: whatever is started outside must not outlive the object."""
    if not observed.is_to_be_launched or isinstance(observed.pipeline, Missing):
        return None
    hold = () if observed.subject.held else (HoldFinalizer(),)
    label = (LabelFailure(None),) if observed.subject.failure_label else ()
    source, tracked = observed.pipeline, observed.tracked
    launch = Launch(
        execution=execution,
        pipeline=source.pipeline,
        arguments=source.arguments,
        spec=observed.subject.spec,
        record=records.record(execution, source),
        tracked=tracked.id if tracked else None,
        tags={} if tracked else run_tags(observed, execution),
        may_use_cache=may_use_cache(observed.subject, execution),
    )
    return Plan(observed.subject.status, (*hold, *label, launch), AT_ONCE)


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
    return Plan(status, requeue_after=min(PROGRESS_SECONDS, seconds_to_deadline(observed, now)))


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
    return concluded(observed, report.replayed(observed, execution, now), finish(observed, execution))


def _gated(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    assert observed.tracked is not None
    said = _verdicts(observed)
    failures = verdicts.failures(said)
    if not failures:
        return None
    cause = Cause("GatesFailed", failures, final=True)
    return concluded(observed, report.failed(observed, execution, now, cause, said), finish(observed, execution))


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
    return concluded(observed, status, finish(observed, execution))


def _unregistered(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan:
    assert observed.tracked is not None and isinstance(observed.model, ModelTarget)
    package = observed.tracked.package
    assert package is not None
    spec = observed.subject.spec
    tags = version_tags(spec, execution, package, _verdicts(observed)) | result_tags(spec, observed.tracked)
    register = Register(observed.model.registered_name, observed.tracked.id, package, tags)
    return Plan(observed.subject.status, (register, *finish(observed, execution)), AT_ONCE)


STAGES: tuple[Stage, ...] = (
    _deleted,
    _superseded,
    _already_registered,
    _recorded_failure,
    _suspended,
    _incomplete,
    _backing_off,
    dataset_checks.unchecked,
    queued,
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
