"""When a TrainingRun is settled, and what becomes of its children then."""

from dataclasses import replace
from datetime import datetime, timedelta

from millwright.api.training_run import TrainingRunStatus
from millwright.core import history, packaging
from millwright.core.actions import Forget, Prune, ReleaseFinalizer, TrainingAction
from millwright.core.conditions import find, merge, ready, stalled
from millwright.core.execution import Execution, outlives_its_owner, spec_hash
from millwright.core.plan import Plan
from millwright.core.training_state import Subject

AT_ONCE = 0.0


def is_settled(subject: Subject) -> bool:
    """True when this generation has its result and nothing is left to do; then nothing outside need be read."""
    succeeded = find(subject.status.conditions, "Succeeded")
    return (
        not subject.deleting
        and succeeded is not None
        and succeeded.status != "Unknown"
        and succeeded.observed_generation == subject.generation
        and subject.status.spec_hash == spec_hash(subject.spec)
    )


def is_at_rest(subject: Subject, now: datetime) -> bool:
    """True when a look would do nothing. Then there need be none before the object changes."""
    settled = is_settled(subject) and not packaging.was_refused(subject.status)
    return settled and after_the_end(subject, now) == Plan(subject.status)


def after_the_end(subject: Subject, now: datetime) -> Plan[TrainingAction, TrainingRunStatus]:
    """The finalizer goes, unless the backend keeps a record; after ttlSecondsAfterFinished all children go."""
    status, ttl = _without_trouble(subject, now), subject.spec.ttl_seconds_after_finished
    if subject.held and not _is_recorded(status):
        return Plan(status, (ReleaseFinalizer(),), None if ttl is None else AT_ONCE)
    if ttl is None or status.pipeline_run is None or status.completion_time is None:
        return Plan(status)
    left = (status.completion_time + timedelta(seconds=ttl) - now).total_seconds()
    if left > 0:
        return Plan(status, requeue_after=left)
    release = (ReleaseFinalizer(),) if subject.held else ()
    prune = Prune(history.keys(subject, status.history))
    return Plan(status.model_copy(update={"pipeline_run": None}), (prune, Forget(), *release))


def within_limit(
    subject: Subject, execution: Execution, plan: Plan[TrainingAction, TrainingRunStatus]
) -> Plan[TrainingAction, TrainingRunStatus]:
    """The plan; and the children of executions that leave the history by it go with them."""
    kept = {execution.key, *history.keys(subject, plan.status.history)}
    gone = tuple(key for key in history.keys(subject, subject.status.history) if key not in kept)
    return replace(plan, actions=(*plan.actions, Prune(gone))) if gone else plan


def _without_trouble(subject: Subject, now: datetime) -> TrainingRunStatus:
    """The status as the end left it: an outage, or a refusal, that was told since is over once this pass is."""
    status = subject.status
    result, told, reconciling = (find(status.conditions, kind) for kind in ("Succeeded", "Ready", "Reconciling"))
    assert result is not None
    if told is not None and told.reason == result.reason and (reconciling is None or reconciling.status != "True"):
        return status
    facts = (ready if result.status == "True" else stalled)(result.reason, result.message)
    return status.model_copy(update={"conditions": merge(status.conditions, facts, subject.generation, now)})


def _is_recorded(status: TrainingRunStatus) -> bool:
    """Whether the backend keeps a record of the last execution that must go before the object does."""
    return status.pipeline_run is not None and outlives_its_owner(status.pipeline_run.backend)
