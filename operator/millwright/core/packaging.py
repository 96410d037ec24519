"""Packaging, decided: when it is started, waited for and started anew, and when its failure is the run's."""

from datetime import datetime, timedelta

from millwright.api.training_run import TrainingRunStatus
from millwright.core import report
from millwright.core.actions import PackageModel, StopPackaging, TrainingAction
from millwright.core.attempts import NOT_COUNTED, UNAVAILABLE
from millwright.core.conditions import working
from millwright.core.execution import Cause, Execution, PackagingRun, Phase
from millwright.core.plan import Plan
from millwright.core.training_state import ModelTarget, Observed

UNSAFE_FORMAT = "UnsafeFormat"
# No fault of the run: what is down may come back, and training must not be lost for it.
TRANSIENT = NOT_COUNTED | UNAVAILABLE
RETRY_SECONDS = 60.0
POLL_SECONDS = 3.0


def is_done(observed: Observed) -> bool:
    """Our own Job wrote the package's tag last: what training code may have written there counts for nothing."""
    ended, tracked = observed.packaging, observed.tracked
    return ended is not None and ended.phase is Phase.SUCCEEDED and tracked is not None and tracked.package is not None


def failure(observed: Observed) -> Cause | None:
    """Why packaging failed for good; None: it did not, or another try may go well."""
    ended = observed.packaging
    if ended is None or ended.phase is not Phase.FAILED:
        return None
    cause = _cause(ended)
    return None if cause.reason in TRANSIENT or _is_allowed_now(observed, cause) else cause


def was_refused(status: TrainingRunStatus) -> bool:
    """Whether a run has failed for what its Model may yet allow: then a change of the Model is news to it."""
    return status.failure is not None and status.failure.reason == UNSAFE_FORMAT


def proceed(observed: Observed, execution: Execution, now: datetime) -> Plan[TrainingAction, TrainingRunStatus]:
    """Starts it, waits for it, or takes away one that failed, in whose place the next look starts another."""
    assert observed.tracked is not None and isinstance(observed.model, ModelTarget)
    made, actions, wait = observed.packaging, list[TrainingAction](), POLL_SECONDS
    waiting_for = made.waiting_for if made else ""
    facts = working("Packaging", waiting_for or "the model is being converted, compared with the original and stored")
    if made is None:
        actions = [PackageModel(execution, observed.tracked.id, observed.model, observed.subject.spec)]
    elif made.phase is Phase.FAILED and not made.ending:
        cause = _cause(made)
        facts = working(cause.reason, f"packaging failed and is tried again: {cause.message}")
        wait = _seconds_left(observed, made, now)
        actions = [StopPackaging(execution.key)] if wait <= 0 else []
    status = report.status(observed.subject, execution, now, "Packaging", facts, observed)
    return Plan(status, tuple(actions), wait if wait > 0 else POLL_SECONDS)


def _seconds_left(observed: Observed, made: PackagingRun, now: datetime) -> float:
    if made.ended is None or _is_allowed_now(observed, _cause(made)):
        return 0.0
    return (made.ended + timedelta(seconds=RETRY_SECONDS) - now).total_seconds()


def _is_allowed_now(observed: Observed, cause: Cause) -> bool:
    return cause.reason == UNSAFE_FORMAT and isinstance(observed.model, ModelTarget) and observed.model.allow_pickle


def _cause(ended: PackagingRun) -> Cause:
    return ended.cause or Cause("PackagingFailed", "the packaging Job failed and left no reason")
