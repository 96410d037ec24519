"""The executions that a TrainingRun has behind it: how one is entered, and which are no longer kept."""

from datetime import datetime
from decimal import Decimal

from millwright.api.training_results import HistoryEntry
from millwright.api.training_run import TrainingRunStatus
from millwright.core import cost
from millwright.core.execution import Execution
from millwright.core.training_state import Observed, Subject

History = tuple[HistoryEntry, ...]
SUPERSEDED = "Superseded"


def completed(subject: Subject, execution: Execution, now: datetime) -> datetime:
    """When an execution ended: as was said before, where it was."""
    old = subject.status
    return old.completion_time if old.execution == execution.key and old.completion_time else now


def with_end(observed: Observed, execution: Execution, now: datetime, outcome: str, version: str | None) -> History:
    """The history with an execution that has ended."""
    entry = HistoryEntry(
        spec_hash=execution.spec_hash,
        attempt=execution.attempt,
        execution=execution.key,
        outcome=outcome,
        model_version=version,
        completion_time=completed(observed.subject, execution, now),
        cost=_share(cost.total(observed, execution, now), observed.subject.status, execution),
    )
    return _entered(observed.subject, entry)


def with_superseded(subject: Subject, now: datetime) -> History:
    """The history when another execution takes the place of the status's own: one that was under way is superseded."""
    old = subject.status
    known = any(entry.execution == old.execution for entry in old.history)
    if known or old.start_time is None or old.spec_hash is None:
        return old.history
    execution = Execution(subject.key, subject.uid, old.spec_hash, old.attempt)
    entry = HistoryEntry(
        spec_hash=execution.spec_hash,
        attempt=execution.attempt,
        execution=execution.key,
        outcome=SUPERSEDED,
        completion_time=now,
        cost=_share(cost.reported(old, execution), old, execution),
    )
    return _entered(subject, entry)


def keys(subject: Subject, history: History) -> tuple[str, ...]:
    """Keys of the executions in a history of this TrainingRun."""
    return tuple(Execution(subject.key, subject.uid, entry.spec_hash, entry.attempt).key for entry in history)


def _entered(subject: Subject, entry: HistoryEntry) -> History:
    """Newest first, each execution once, and no more than the spec wants."""
    older = (e for e in subject.status.history if (e.spec_hash, e.attempt) != (entry.spec_hash, entry.attempt))
    return (entry, *older)[: subject.spec.history_limit]


def _share(total: Decimal | None, status: TrainingRunStatus, execution: Execution) -> str | None:
    """What one attempt cost of what all attempts at its spec did."""
    earlier = cost.of_earlier_attempts(status, execution)
    return cost.amount(max(total - earlier, Decimal(0))) if total is not None else None
