"""The status of a TrainingRun, written in one place."""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from millwright.api.common import Condition, MetricValue
from millwright.api.training_results import (
    Cost,
    Failure,
    MlflowRunReference,
    PipelineRunReference,
    TaskStatus,
)
from millwright.api.training_run import MAX_METRICS, MAX_TASKS, TrainingRunSpec, TrainingRunStatus
from millwright.core import cost, history, replay, verdicts
from millwright.core.attempts import begins, failures, following
from millwright.core.conditions import Fact, merge, ready, stalled, working
from millwright.core.execution import Cause, Execution, Task
from millwright.core.gates import Verdict
from millwright.core.training_state import Observed, Subject

ENDED_TASKS = {"Succeeded", "Cached", "Failed", "Skipped"}
MAX_MESSAGE = 1000
OF_ONE_EXECUTION = {"GatesPassed", "ModelRegistered", "Reproduced"}
UNDECIDED = Fact("Succeeded", "Unknown", "UnderWay", "the execution has not ended")


def status(
    subject: Subject,
    execution: Execution,
    now: datetime,
    state: str,
    facts: tuple[Fact, ...],
    observed: Observed | None = None,
    **changes: Any,
) -> TrainingRunStatus:
    """The status in `state`; what it tells of an earlier execution is gone when the execution is a new one."""
    old = subject.status
    same = old.execution == execution.key
    looked_at = subject.spec.datasets or subject.spec.replay_of
    known = {"conditions": old.conditions, "datasets": old.datasets if looked_at else ()}
    earlier = {"failures": old.failures, "cost": old.cost} if old.spec_hash == execution.spec_hash else {}
    keep = old if same else TrainingRunStatus(history=history.with_superseded(subject, now), **known, **earlier)
    succeeded = () if any(f.type == "Succeeded" for f in facts) else (UNDECIDED,)
    values: dict[str, Any] = {
        "observed_generation": subject.generation,
        "state": state,
        "spec_hash": execution.spec_hash,
        "attempt": execution.attempt,
        "execution": execution.key,
        "start_time": (keep.start_time or now) if observed else keep.start_time,
        "completion_time": None,
        "conditions": merge(_conditions(old, same), (*facts, *succeeded), subject.generation, now),
    }
    return keep.model_copy(update=values | (_details(observed, execution, now) if observed else {}) | changes)


def _conditions(old: TrainingRunStatus, same: bool) -> tuple[Condition, ...]:
    return tuple(c for c in old.conditions if same or c.type not in OF_ONE_EXECUTION)


def _details(observed: Observed, execution: Execution, now: datetime) -> dict[str, Any]:
    details: dict[str, Any] = _cost(observed, execution, now)
    if observed.running is not None:
        reference = observed.running.reference
        details["pipeline_run"] = PipelineRunReference(backend=reference.backend, id=reference.id, url=reference.url)
    tasks = _tasks(observed)
    if tasks:
        ended = sum(task.state in ENDED_TASKS for task in tasks)
        details["progress_percentage"] = round(100 * ended / len(tasks))
        details["tasks"] = tuple(_task(task) for task in tasks[:MAX_TASKS])
    if observed.tracked is not None:
        details["mlflow_run"] = MlflowRunReference(id=observed.tracked.id, url=observed.tracked.url)
        # JSON, and so the API server, has no word for NaN or infinity.
        told = ((name, value) for name, value in observed.tracked.metrics.items() if isfinite(value))
        metrics = sorted(told)[:MAX_METRICS]
        details["metrics"] = tuple(MetricValue(name=name, value=value) for name, value in metrics)
    return details


def _cost(observed: Observed, execution: Execution, now: datetime) -> dict[str, Any]:
    """Of running pods up to the last full minute: a status is not written more often for that."""
    total = cost.total(observed, execution, now.replace(second=0, microsecond=0))
    return {"cost": Cost(amount=cost.amount(total), currency=observed.pools.currency)} if total is not None else {}


def _task(task: Task) -> TaskStatus:
    return TaskStatus(
        name=task.name,
        state=task.state,
        node_pool=task.node_pool,
        pod_name=task.pod_name,
        message=task.message[:MAX_MESSAGE] or None,
    )


def _tasks(observed: Observed) -> tuple[Task, ...]:
    """From the ended run's own report, else from what it says while it runs."""
    if observed.running is not None and observed.running.tasks:
        return observed.running.tasks
    return observed.tracked.tasks if observed.tracked is not None else ()


def succeeded(observed: Observed, execution: Execution, now: datetime) -> TrainingRunStatus:
    """The run passed and is a model version. What its gates said then stands in the version."""
    assert observed.version is not None
    version, said = observed.version.number, verdicts.read(observed.version.tags)
    facts = (
        *ready("Succeeded", f"the run passed and is version {version} of Model {observed.subject.spec.output.model}"),
        Fact("Succeeded", "True", "Succeeded", "the run passed"),
        Fact("ModelRegistered", "True", "Registered", f"version {version}"),
    )
    changes: dict[str, Any] = {"model_version": version, "progress_percentage": 100, "failure": None}
    if observed.version.tags:  # else the status has told before, and says so still
        facts, changes["scenarios"] = (*facts, verdicts.fact(said)), verdicts.scenarios(said)
    return _ended(observed, execution, now, "Succeeded", facts, "Succeeded", **changes)


def replayed(observed: Observed, execution: Execution, now: datetime) -> TrainingRunStatus:
    """The replay ran to its end; whether it reproduced the original is another question, with its own condition."""
    subject, tracked = observed.subject, observed.tracked
    assert tracked is not None and subject.spec.replay_of is not None
    found, fact = replay.outcome(tracked.replay_of, observed.original, tracked, subject.spec.replay_of.tolerance)
    facts = (
        *ready("Succeeded", f"the replay ran to its end: {fact.message}"),
        Fact("Succeeded", "True", "Succeeded", "the replay ran to its end"),
        fact,
    )
    changes = {"replay": found, "progress_percentage": 100, "failure": None}
    return _ended(observed, execution, now, "Succeeded", facts, "Succeeded", **changes)


def failed(
    observed: Observed, execution: Execution, now: datetime, cause: Cause, said: Sequence[Verdict] = ()
) -> TrainingRunStatus:
    """The run ended, and only a change of spec starts another. `said`: by its gates, where they were asked."""
    facts = (
        *stalled(cause.reason, _sentence(cause)),
        Fact("Succeeded", "False", cause.reason, _sentence(cause)),
        *((verdicts.fact(said),) if said else ()),
    )
    changes = {"failure": _failure(cause), "scenarios": verdicts.scenarios(said)}
    return _ended(observed, execution, now, "Failed", facts, cause.reason, **changes)


def _ended(
    observed: Observed,
    execution: Execution,
    now: datetime,
    state: str,
    facts: tuple[Fact, ...],
    outcome: str,
    **changes: Any,
) -> TrainingRunStatus:
    """The status of an execution that has ended, with its entry in the history."""
    subject = observed.subject
    ends = {
        "completion_time": history.completed(subject, execution, now),
        "history": history.with_end(observed, execution, now, outcome, changes.get("model_version")),
    }
    return status(subject, execution, now, state, facts, observed, **ends, **changes)


def retried(observed: Observed, execution: Execution, now: datetime, cause: Cause) -> TrainingRunStatus:
    """The attempt failed, and another one follows."""
    subject, attempt = observed.subject, following(execution)
    changes: dict[str, Any] = {
        "failure": _failure(cause),
        "failures": failures(subject.status, execution, cause),
        "history": history.with_end(observed, execution, now, cause.reason, None),
    }
    told = subject.status.model_copy(update=changes)
    return status(subject, attempt, now, "Pending", _retrying(subject.spec, told, attempt), **changes)


def backing_off(subject: Subject, execution: Execution, now: datetime) -> TrainingRunStatus:
    """What was said when the attempt before failed, for as long as this one waits."""
    return status(subject, execution, now, "Pending", _retrying(subject.spec, subject.status, execution))


def _retrying(spec: TrainingRunSpec, told: TrainingRunStatus, attempt: Execution) -> tuple[Fact, ...]:
    limit = f"{told.failures} of {spec.backoff_limit + 1} failures that count"
    why = f" ({_sentence(told.failure)})" if told.failure else ""
    begin = begins(told, attempt)
    when = f"at {begin:%Y-%m-%dT%H:%M:%SZ}" if begin else "now"
    return working("Retrying", f"attempt {attempt.attempt - 1} failed, {limit}{why}; the next one begins {when}")


def _sentence(cause: Cause | Failure) -> str:
    where = f"step {cause.task}: " if cause.task else ""
    code = f" (exit code {cause.exit_code})" if cause.exit_code is not None else ""
    last = cause.message.strip().splitlines()[-1:] or [""]
    return f"{where}{cause.reason}{code}: {last[0]}"


def _failure(cause: Cause) -> Failure:
    return Failure(
        reason=cause.reason,
        task=cause.task,
        pod_name=cause.pod_name,
        exit_code=cause.exit_code,
        message=cause.message[-4000:],
    )
