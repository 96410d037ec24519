"""Limits on a pipeline run that is under way: its deadline, its budget, and how long a pod may be unable to start."""

import math
from datetime import datetime, timedelta
from decimal import Decimal

from millwright.core import cost
from millwright.core.attempts import BUDGET_EXCEEDED, DEADLINE_EXCEEDED
from millwright.core.execution import Cause, Execution
from millwright.core.training_state import Observed

BLOCKED_SECONDS = 120


def exceeded(observed: Observed, execution: Execution, now: datetime) -> Cause | None:
    """The limit that the run has passed, or None."""
    return _deadline(observed, now) or _budget(observed, execution, now) or _blocked(observed, now)


def seconds_to_deadline(observed: Observed, now: datetime) -> float:
    """Seconds until the run must have ended; infinite where it has no deadline or has not started."""
    running, seconds = observed.running, observed.subject.spec.active_deadline_seconds
    if running is None or running.started is None or seconds is None:
        return math.inf
    return max(0.0, (running.started + timedelta(seconds=seconds) - now).total_seconds())


def _deadline(observed: Observed, now: datetime) -> Cause | None:
    if seconds_to_deadline(observed, now) > 0:
        return None
    seconds = observed.subject.spec.active_deadline_seconds
    message = f"the attempt ran past activeDeadlineSeconds ({seconds} s); raise it to try again"
    return Cause(DEADLINE_EXCEEDED, message, limit=seconds)


def _budget(observed: Observed, execution: Execution, now: datetime) -> Cause | None:
    budget, spent = observed.subject.spec.budget, cost.total(observed, execution, now)
    if budget is None or spent is None or spent < Decimal(budget.max_cost):
        return None
    limit = f"{budget.max_cost} {observed.pools.currency}"
    message = f"the run cost {cost.amount(spent)} of budget.maxCost {limit}; raise it to try again"
    return Cause(BUDGET_EXCEEDED, message, limit=float(budget.max_cost))


def _blocked(observed: Observed, now: datetime) -> Cause | None:
    """A registry may be down for a while, so that what cannot start is given some time to."""
    running = observed.running
    if running is None or running.blocked is None:
        return None
    if now < running.blocked.since + timedelta(seconds=BLOCKED_SECONDS):
        return None
    return Cause(running.blocked.reason, running.waiting_for)
