"""Attempts: which one is wanted, and when; which failures count, and what lets a final one begin anew."""

from datetime import datetime, timedelta

from millwright.api.training_run import TrainingRunStatus
from millwright.core.execution import Cause, Execution, spec_hash
from millwright.core.training_state import Subject

DEADLINE_EXCEEDED = "DeadlineExceeded"
BUDGET_EXCEEDED = "BudgetExceeded"
RAISED_LIMITS = frozenset({DEADLINE_EXCEEDED, BUDGET_EXCEEDED})  # since then, or there would be no other attempt
# The platform took the node, the pod or the Workflow away: no fault of the run, so not counted against backoffLimit.
NOT_COUNTED = frozenset({"Preempted", "Evicted", "NodeLost", "PodLost", "WorkflowDropped"})
# Reasons of packaging: what may come back by itself, or is mended elsewhere than in the spec.
UNAVAILABLE = frozenset({"StorageUnavailable", "MlflowUnavailable"})
MOST_ATTEMPTS = 100
# The second attempt follows at once. Then they back off as Kubernetes' Jobs do.
FIRST_DELAYED = 3
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 10.0, 360.0


def current_execution(subject: Subject) -> Execution:
    """The execution that the spec asks for; a change of the hash begins at attempt 1 again."""
    wanted = spec_hash(subject.spec)
    attempt = subject.status.attempt if subject.status.spec_hash == wanted else 1
    launched = subject.status.pipeline_run
    return Execution(subject.key, subject.uid, wanted, max(attempt, 1), launched.backend if launched else None)


def following(execution: Execution) -> Execution:
    """The next attempt at the same spec."""
    return Execution(execution.run, execution.uid, execution.spec_hash, execution.attempt + 1)


def failures(status: TrainingRunStatus, execution: Execution, cause: Cause) -> int:
    """Failed attempts at this spec that count against backoffLimit, with the one at hand."""
    before = status.failures if status.spec_hash == execution.spec_hash else 0
    return before + (cause.reason not in NOT_COUNTED)


def is_tried_again(subject: Subject, execution: Execution, cause: Cause) -> bool:
    """Whether another attempt follows one that failed for this cause."""
    if execution.attempt >= MOST_ATTEMPTS:
        return False
    if cause.limit is not None:
        return _has_more_room(subject, cause.reason, cause.limit)
    return not cause.final and failures(subject.status, execution, cause) <= subject.spec.backoff_limit


def begins(status: TrainingRunStatus, execution: Execution) -> datetime | None:
    """When an attempt may begin that has to wait, each for twice as long as the one before it. None: at once."""
    if execution.attempt < FIRST_DELAYED:
        return None
    before = (execution.spec_hash, execution.attempt - 1)
    failed = next((entry for entry in status.history if (entry.spec_hash, entry.attempt) == before), None)
    if failed is None or failed.outcome in RAISED_LIMITS:
        return None
    seconds: float = min(FIRST_DELAY_SECONDS * 2 ** (execution.attempt - FIRST_DELAYED), LONGEST_DELAY_SECONDS)
    return failed.completion_time + timedelta(seconds=seconds)


def _has_more_room(subject: Subject, reason: str, had: float) -> bool:
    """A limit that was raised since is the answer to having passed it, and starts another attempt."""
    spec = subject.spec
    budget = float(spec.budget.max_cost) if spec.budget else None
    allowed = {DEADLINE_EXCEEDED: spec.active_deadline_seconds, BUDGET_EXCEEDED: budget}[reason]
    return allowed is None or allowed > had
