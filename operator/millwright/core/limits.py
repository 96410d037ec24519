"""Limits on a pipeline run that is under way: its deadline, and how long a pod may be unable to start."""

from datetime import datetime, timedelta

from millwright.core.attempts import DEADLINE_EXCEEDED
from millwright.core.execution import Cause
from millwright.core.training_state import Observed

BLOCKED_SECONDS = 120


def exceeded(observed: Observed, now: datetime) -> Cause | None:
    """The limit that the run has passed, or None."""
    return _deadline(observed, now) or _blocked(observed, now)


def _deadline(observed: Observed, now: datetime) -> Cause | None:
    running, seconds = observed.running, observed.subject.spec.active_deadline_seconds
    if running is None or running.started is None or seconds is None:
        return None
    if now < running.started + timedelta(seconds=seconds):
        return None
    message = f"the attempt ran past activeDeadlineSeconds ({seconds} s); raise it to try again"
    return Cause(DEADLINE_EXCEEDED, message, limit=seconds)


def _blocked(observed: Observed, now: datetime) -> Cause | None:
    """A registry may be down for a while, so that what cannot start is given some time to."""
    running = observed.running
    if running is None or running.blocked is None or running.started is None:
        return None
    if now < running.started + timedelta(seconds=BLOCKED_SECONDS):
        return None
    return Cause(running.blocked, running.waiting_for)
