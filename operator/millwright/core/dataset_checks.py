"""Data sets in S3, before a launch: looked for, and compared with their digests, by a Job in the namespace."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from millwright.api.training_inputs import Dataset
from millwright.api.training_run import TrainingRunStatus
from millwright.core import report
from millwright.core.actions import CheckDatasets, StopDatasetCheck, TrainingAction
from millwright.core.conditions import Fact, find, stalled, working
from millwright.core.execution import Cause, DatasetCheck, Execution, Phase
from millwright.core.plan import Plan
from millwright.core.training_state import Missing, Observed

CHECKING = "CheckingDatasets"
WRONG = frozenset({"DatasetNotFound", "DatasetDigestMismatch", "StorageUnavailable"})
# What is not there, or not the same, is looked at again after a tenth of the time that it has been so.
SOONEST, LATEST = timedelta(minutes=1), timedelta(minutes=15)
POLL_SECONDS = 3.0

TrainingPlan = Plan[TrainingAction, TrainingRunStatus]


def unchecked(observed: Observed, execution: Execution, now: datetime) -> TrainingPlan | None:
    """Nothing is launched, or waits for quota, before its data is known to be there."""
    launched, check = observed.pipeline, observed.dataset_check
    if not observed.is_to_be_launched or isinstance(launched, Missing):
        return None
    wanted = _in_s3(launched.datasets)
    if not wanted:
        return None
    if check is None:
        start = CheckDatasets(execution, wanted, observed.subject.status.datasets, observed.subject.spec)
        return _plan(observed, execution, now, _under_way(""), (start,))
    if check.phase is Phase.SUCCEEDED and not check.ending:
        return _found(observed, execution, now, check)
    if check.phase is Phase.FAILED and not check.ending:
        return _failed(observed, execution, now, check)
    return _plan(observed, execution, now, _under_way(check.waiting_for))


def stop(observed: Observed) -> tuple[TrainingAction, ...]:
    """What ends a look that may be under way."""
    return (StopDatasetCheck(),) if observed.dataset_check is not None else ()


def _in_s3(datasets: Iterable[Dataset]) -> tuple[Dataset, ...]:
    return tuple(dataset for dataset in datasets if dataset.uri.startswith("s3://"))


def _found(observed: Observed, execution: Execution, now: datetime, check: DatasetCheck) -> TrainingPlan | None:
    """What was found is written down once: another attempt need not read it again."""
    if observed.subject.status.datasets == check.found:
        return None
    facts = working(CHECKING, "the data sets are there, and as spec.datasets says")
    status = report.status(observed.subject, execution, now, "Pending", facts, datasets=check.found)
    return Plan(status, requeue_after=0.0)


def _failed(observed: Observed, execution: Execution, now: datetime, check: DatasetCheck) -> TrainingPlan:
    cause = check.cause or Cause("Error", "the look at the data sets failed and left no reason")
    facts = (stalled if cause.final else working)(cause.reason, cause.message)
    found = check.found or observed.subject.status.datasets
    status = report.status(observed.subject, execution, now, "Pending", facts, datasets=found)
    left = ((check.ended or now) + _patience(status, now) - now).total_seconds()
    if left > 0:
        return Plan(status, requeue_after=left)
    return Plan(status, (StopDatasetCheck(),), POLL_SECONDS)


def _patience(status: TrainingRunStatus, now: datetime) -> timedelta:
    ready = find(status.conditions, "Ready")
    waited = now - ready.last_transition_time if ready else timedelta()
    return min(max(waited / 10, SOONEST), LATEST)


def _plan(
    observed: Observed,
    execution: Execution,
    now: datetime,
    facts: tuple[Fact, ...],
    actions: tuple[TrainingAction, ...] = (),
) -> TrainingPlan:
    """A look that is repeated says nothing new until it ends: what it found before stays said."""
    told, subject = find(observed.subject.status.conditions, "Stalled"), observed.subject
    repeated = subject.status.execution == execution.key and subject.status.observed_generation == subject.generation
    if repeated and told is not None and told.reason in WRONG:
        return Plan(subject.status, actions, POLL_SECONDS)
    return Plan(report.status(subject, execution, now, "Pending", facts), actions, POLL_SECONDS)


def _under_way(waiting_for: str) -> tuple[Fact, ...]:
    return working(CHECKING, waiting_for or "looking for the data sets, and comparing their digests")
