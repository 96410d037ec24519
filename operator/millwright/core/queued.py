"""A TrainingRun's place in a queue, decided: asked for, waited for, and what becomes of a run that loses it."""

from datetime import datetime

from millwright.api.training_run import TrainingRunStatus
from millwright.core import report
from millwright.core.actions import Dequeue, Enqueue, TrainingAction
from millwright.core.conditions import working
from millwright.core.endings import stop
from millwright.core.execution import Execution
from millwright.core.plan import Plan
from millwright.core.queueing import Admission
from millwright.core.training_state import Missing, Observed

POLL_SECONDS = 3.0
WAIT_SECONDS = 15.0
AT_ONCE = 0.0

TrainingPlan = Plan[TrainingAction, TrainingRunStatus]


def queued(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
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
    return Plan(status, stop(observed, execution), POLL_SECONDS if running is not None else WAIT_SECONDS)


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
