"""A Model's import, decided: its next step, and what that adds to the Model's plan.

`decide` asks the stages in order; the first that has something to say answers. Each pass does one step and looks
again, so that being killed between any two lines only means looking again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from millwright.api.model import ModelStatus
from millwright.api.model_import import ImportStatus
from millwright.core.actions import CloseRun, ImportAction, ImportModel, OpenRun, Register, Stop, Terminate
from millwright.core.attempts import NOT_COUNTED, UNAVAILABLE
from millwright.core.conditions import Fact, find, instead, stalled, working
from millwright.core.execution import Cause, PackagingRun, Phase, TrackedRun
from millwright.core.imports import Import, run_tags, version_tags
from millwright.core.model import ModelPlan
from millwright.core.plan import Plan

IMPORTED = "Imported"
POLL_SECONDS = 3.0
RETRY_SECONDS = 60.0
MOST_FAILURES = 5
AT_ONCE = 0.0
# What may come, or is corrected elsewhere than in the Model, is asked for as long as it takes.
WAITED_FOR = NOT_COUNTED | UNAVAILABLE | {"ObjectNotFound"}


@dataclass(frozen=True)
class ImportObserved:
    """Everything that a decision on an import depends on.

    `status`: the Model's, as it stands in the cluster. `wanted`: None where nothing is to be imported, or nothing more.
    `version`: what it has become. `former`: keys of imports of this Model that were begun and are not wanted now.
    """

    status: ModelStatus
    wanted: Import | None
    version: str | None = None
    former: tuple[str, ...] = ()
    tracked: TrackedRun | None = None
    packaging: PackagingRun | None = None

    @property
    def is_idle(self) -> bool:
        """Nothing is under way, and nothing is to be begun: there is nothing to look for outside."""
        told = self.status.import_
        if self.wanted is None:
            return told is None
        return told is not None and told.spec_hash == self.wanted.spec_hash and told.model_version is not None


@dataclass(frozen=True)
class Step:
    """What an import does next, and what there is to tell. `is_last`: nothing of it is under way any more."""

    status: ImportStatus | None
    facts: tuple[Fact, ...] = ()
    actions: tuple[ImportAction, ...] = ()
    requeue_after: float | None = None
    is_last: bool = False


def decide(observed: ImportObserved, now: datetime) -> Step:
    """The next step. Total: every state that can be observed has an answer."""
    wanted = observed.wanted
    if wanted is None:
        return _unwanted(observed)
    steps = (stage(observed, wanted, now) for stage in STAGES)
    return next(step for step in steps if step is not None)


def joined(observed: ImportObserved, plan: ModelPlan, step: Step, now: datetime) -> ModelPlan:
    """The Model's plan with the import's step. What that tells stands instead of what the Model says of the same."""
    told = plan.status.conditions
    if observed.wanted is None:
        told = tuple(c for c in told if c.type != IMPORTED)
    conditions = instead(told, observed.status.conditions, step.facts, plan.status.observed_generation, now)
    status = plan.status.model_copy(update={"import_": step.status, "conditions": conditions})
    delays = [delay for delay in (plan.requeue_after, step.requeue_after) if delay is not None]
    return Plan(status, (*plan.actions, *step.actions), min(delays, default=None))


def _unwanted(observed: ImportObserved) -> Step:
    """What was begun is ended; the next look finds nothing of it in the status."""
    if observed.is_idle:
        return Step(None, is_last=True)
    return Step(None, actions=_ends(observed), requeue_after=AT_ONCE)


def _settled(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    """What has become a version has, even when the registry has lost it: it is not imported again."""
    told = observed.status.import_
    return Step(told, _done(wanted, told.model_version), is_last=True) if observed.is_idle and told else None


def _superseded(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    if not observed.former:
        return None
    facts = _under_way_facts("Superseding", "ending an import that is not wanted any more")
    return Step(_begun(wanted), facts, _ends(observed), AT_ONCE)


def _imported(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    if observed.version is None:
        return None
    facts, tracked = _done(wanted, observed.version), observed.tracked
    if tracked is not None and not (tracked.status == "FINISHED" and tracked.succeeded):
        return Step(_begun(wanted), facts, (CloseRun(tracked.id, "FINISHED"),), AT_ONCE)
    return Step(_begun(wanted).model_copy(update={"model_version": observed.version}), facts, is_last=True)


def _failed(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    """The MLflow run says why. That outlives the Job."""
    cause = observed.tracked.failure if observed.tracked else None
    if cause is None:
        return None
    message = f"{cause.message} (It is tried again when spec.import or spec.allowPickle changes.)"
    facts = (*stalled(cause.reason, message), Fact(IMPORTED, "False", cause.reason, message))
    return Step(_begun(wanted), facts, is_last=True)


def _announced(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    """The status names its key before anything is begun: whatever has been begun can be found by it, and ended."""
    told = observed.status.import_
    if told is not None and told.execution == wanted.key:
        return None
    return Step(_begun(wanted), _progress(observed, wanted, "it begins"), (), AT_ONCE)


def _unopened(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    if observed.tracked is not None:
        return None
    actions = (OpenRun(wanted, run_tags(wanted)),)
    return Step(_told(observed), _progress(observed, wanted, "opening its MLflow run"), actions, AT_ONCE)


def _unstarted(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    if observed.packaging is not None or observed.tracked is None:
        return None
    status = _told(observed).model_copy(update={"next_attempt_time": None})
    actions = (ImportModel(wanted, observed.tracked.id),)
    return Step(status, _progress(observed, wanted, "starting its Job"), actions, POLL_SECONDS)


def _given_up(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    """Only a change of the Model helps, or trying has not: the next look finds that recorded."""
    cause, tracked = _cause(observed), observed.tracked
    if cause is None or tracked is None:
        return None
    failures = _failures(observed, cause)
    if not cause.final and failures < MOST_FAILURES:
        return None
    last = cause if cause.final else replace(cause, message=f"Failed {failures} times: {cause.message}")
    close = CloseRun(tracked.id, "FAILED", last)
    return Step(_told(observed), _progress(observed, wanted, "it failed"), (close,), AT_ONCE)


def _failing(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    """The Job that failed makes way for another, after a while."""
    cause = _cause(observed)
    if cause is None:
        return None
    message = f"{cause.message} (It is tried again every minute.)"
    facts = (*working(cause.reason, message), Fact(IMPORTED, "False", cause.reason, message))
    status = _told(observed)
    if status.next_attempt_time is None:
        due = now + timedelta(seconds=RETRY_SECONDS)
        changes = {"failures": _failures(observed, cause), "next_attempt_time": due}
        return Step(status.model_copy(update=changes), facts, (), RETRY_SECONDS)
    remaining = (status.next_attempt_time - now).total_seconds()
    stop = (Stop(wanted.key),) if remaining <= 0 else ()
    return Step(status, facts, stop, max(remaining, POLL_SECONDS))


def _under_way(observed: ImportObserved, wanted: Import, now: datetime) -> Step | None:
    packaging = observed.packaging
    if packaging is None or packaging.phase not in (Phase.PENDING, Phase.RUNNING):
        return None
    message = packaging.waiting_for or "its digest is compared, and it is converted, tried on its sample and stored"
    return Step(_told(observed), _progress(observed, wanted, message), (), POLL_SECONDS)


def _unregistered(observed: ImportObserved, wanted: Import, now: datetime) -> Step:
    assert observed.tracked is not None and observed.tracked.package is not None
    package = observed.tracked.package
    register = Register(wanted.registered_name, observed.tracked.id, package, version_tags(wanted, package))
    return Step(_told(observed), _progress(observed, wanted, "registering it"), (register,), AT_ONCE)


STAGES: tuple[Callable[[ImportObserved, Import, datetime], Step | None], ...] = (
    _settled,
    _superseded,
    _imported,
    _failed,
    _announced,
    _unopened,
    _unstarted,
    _given_up,
    _failing,
    _under_way,
    _unregistered,
)


def _cause(observed: ImportObserved) -> Cause | None:
    """Why the Job did not do what it was for, or None as far as it did."""
    packaging, tracked = observed.packaging, observed.tracked
    if packaging is not None and packaging.phase is Phase.FAILED:
        return packaging.cause or Cause("PackagingFailed", "The packaging Job failed and left no reason.")
    if packaging is not None and packaging.phase is Phase.SUCCEEDED and tracked is not None and not tracked.package:
        return Cause("PackageLost", "The packaging Job ended well, and the MLflow run tells of no package.")
    return None


def _failures(observed: ImportObserved, cause: Cause) -> int:
    """How many count, with the one at hand; that is counted when its next attempt gets a time."""
    status = _told(observed)
    return status.failures + (status.next_attempt_time is None and cause.reason not in WAITED_FOR)


def _begun(wanted: Import) -> ImportStatus:
    return ImportStatus(spec_hash=wanted.spec_hash, execution=wanted.key)


def _told(observed: ImportObserved) -> ImportStatus:
    """What stands in the status, once it is announced."""
    assert observed.status.import_ is not None
    return observed.status.import_


def _progress(observed: ImportObserved, wanted: Import, message: str) -> tuple[Fact, ...]:
    """That it is under way; while it is tried again, still why it failed before."""
    before = find(observed.status.conditions, IMPORTED)
    if before is None or before.status != "False":
        return _under_way_facts("Importing", f"{wanted.source.uri}: {message}")
    return (*working(before.reason, before.message), Fact(IMPORTED, "False", before.reason, before.message))


def _under_way_facts(reason: str, message: str) -> tuple[Fact, ...]:
    return (*working(reason, message), Fact(IMPORTED, "Unknown", reason, message))


def _done(wanted: Import, version: str | None) -> tuple[Fact, ...]:
    return (Fact(IMPORTED, "True", "Imported", f"{wanted.source.uri} became version {version}"),)


def _ends(observed: ImportObserved) -> tuple[ImportAction, ...]:
    return tuple(Terminate(key) for key in observed.former)
