"""What ends an execution, or a part of it: its pipeline run, its place in a queue, its MLflow run."""

from millwright.api.training_run import TrainingRunStatus
from millwright.core.actions import CloseRun, Dequeue, LabelFailure, Stop, TrainingAction
from millwright.core.execution import Cause, Execution
from millwright.core.plan import Plan
from millwright.core.training_state import Observed

AT_ONCE = 0.0


def concluded(
    observed: Observed, status: TrainingRunStatus, ends: tuple[TrainingAction, ...]
) -> Plan[TrainingAction, TrainingRunStatus]:
    """Nothing is under way any more. The finalizer goes at the next look: then the result stands in the status."""
    reason = status.failure.reason if status.failure else None
    label = (LabelFailure(reason),) if reason != observed.subject.failure_label else ()
    return Plan(status, (*ends, *label), AT_ONCE)


def finish(observed: Observed, execution: Execution) -> tuple[TrainingAction, ...]:
    """The pipeline has ended well."""
    return (*close(observed, "FINISHED"), *leave_queue(observed, execution))


def close(observed: Observed, status: str, cause: Cause | None = None) -> tuple[TrainingAction, ...]:
    """The MLflow run is closed, and tells how it ended."""
    tracked = observed.tracked
    if tracked is None or (tracked.status == status and (tracked.succeeded or tracked.failure)):
        return ()
    return (CloseRun(tracked.id, status, cause),)


def leave_queue(observed: Observed, execution: Execution) -> tuple[TrainingAction, ...]:
    """Quota is given back, or waited for no more."""
    return (Dequeue(execution.key),) if observed.queue_place is not None else ()


def stop(observed: Observed, execution: Execution) -> tuple[TrainingAction, ...]:
    """The pipeline run's pods are ended."""
    running = observed.running
    return (Stop(execution.key),) if running is not None and not running.ending else ()
