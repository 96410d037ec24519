"""What an import adds to a Model's plan, by table: the keys are sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.api.model import ModelStatus
from millwright.api.model_import import ImportStatus, ModelImport
from millwright.core import model_import
from millwright.core.conditions import Fact, find, merge, ready
from millwright.core.execution import Cause, ObjectKey, Package, PackagingRun, Phase, TrackedRun
from millwright.core.imports import Import
from millwright.core.model import ModelPlan
from millwright.core.model_import import ImportObserved, Step
from millwright.core.plan import Plan

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MODEL = ObjectKey("flights", "arr-delay")
PACKAGE = Package("s3://models/p", "sha256:a", "onnx", "m-1", "sha256:b")
MISMATCH = Cause("DigestMismatch", "another digest.", final=True)
CRASH = Cause("Error", "ValueError")
ABSENT = Cause("ObjectNotFound", "There is no object.")


WANTED = Import(MODEL, "uid-1", "flights.arr-delay", ModelImport(uri="s3://theirs/model.onnx", format="onnx"))
BEGUN = ImportStatus(spec_hash=WANTED.spec_hash, execution=WANTED.key)
DONE = BEGUN.model_copy(update={"model_version": "3"})
WAITING = BEGUN.model_copy(update={"failures": 1, "next_attempt_time": NOW + timedelta(seconds=20)})
DUE = BEGUN.model_copy(update={"failures": 1, "next_attempt_time": NOW})
AT_LAST = BEGUN.model_copy(update={"failures": 4})
OTHER = BEGUN.model_copy(update={"execution": "other"})
RUN = TrackedRun("run-1", "http://mlflow/run-1")
PENDING, SUCCEEDED = PackagingRun(Phase.PENDING, waiting_for="no node has room"), PackagingRun(Phase.SUCCEEDED)
Seen = dict[str, Any]
RUNNING: Seen = {"tracked": RUN, "packaging": PackagingRun(Phase.RUNNING)}
PACKAGED: Seen = {"tracked": replace(RUN, package=PACKAGE), "packaging": SUCCEEDED}
FINISHED: Seen = {"tracked": replace(RUN, status="FINISHED", succeeded=True, package=PACKAGE)}
RECORDED: Seen = {"tracked": replace(RUN, status="FAILED", failure=MISMATCH)}
LOST: Seen = {"tracked": RUN, "packaging": SUCCEEDED}


def failed(cause: Cause) -> Seen:
    """A Job that failed, and its run."""
    return {"tracked": RUN, "packaging": PackagingRun(Phase.FAILED, cause)}


# status.import, what else is observed → the actions' names, whether that is all, the condition Imported
CASES: dict[str, tuple[ImportStatus | None, Seen, list[str], bool, str]] = {
    "an import is told of before anything is begun": (None, {}, [], False, "Importing Unknown"),
    "it begins with its MLflow run": (BEGUN, {}, ["OpenRun"], False, "Importing Unknown"),
    "the Job is started when the run is open": (BEGUN, {"tracked": RUN}, ["ImportModel"], False, "Importing Unknown"),
    "a Job that was deleted is started again": (DUE, {"tracked": RUN}, ["ImportModel"], False, "Importing Unknown"),
    "a pod that cannot start is waited for": (BEGUN, RUNNING | {"packaging": PENDING}, [], False, "Importing Unknown"),
    "a package becomes a version": (BEGUN, PACKAGED, ["Register"], False, "Importing Unknown"),
    "a version closes the run": (BEGUN, PACKAGED | {"version": "3"}, ["CloseRun"], False, "Imported True"),
    "a run that is closed is left alone": (BEGUN, FINISHED | {"version": "3"}, [], True, "Imported True"),
    "a version of an earlier Model is enough": (None, {"version": "3"}, [], True, "Imported True"),
    "a version that was deleted since is not made again": (DONE, {}, [], True, "Imported True"),
    "a failure for good is recorded": (BEGUN, failed(MISMATCH), ["CloseRun"], False, "Importing Unknown"),
    "a recorded failure is for good": (BEGUN, RECORDED, [], True, "DigestMismatch False"),
    "a crash is tried again, later": (BEGUN, failed(CRASH), [], False, "Error False"),
    "nothing is done before its time": (WAITING, failed(CRASH), [], False, "Error False"),
    "the failed Job goes when it is time": (DUE, failed(CRASH), ["Stop"], False, "Error False"),
    "the fifth crash is the last": (AT_LAST, failed(CRASH), ["CloseRun"], False, "Importing Unknown"),
    "a missing object is waited for as long as it takes": (AT_LAST, failed(ABSENT), [], False, "ObjectNotFound False"),
    "a Job that left no package is tried again": (BEGUN, LOST, [], False, "PackageLost False"),
    "another import ends the one before": (
        OTHER,
        {"former": ("arr-delay-1", "other")},
        ["Terminate", "Terminate"],
        False,
        "Superseding Unknown",
    ),
    "an import that is taken out of the spec is ended": (
        BEGUN,
        {"wanted": None, "former": (WANTED.key,)},
        ["Terminate"],
        False,
        "",
    ),
    "a Model without import has nothing of it": (None, {"wanted": None}, [], True, ""),
}


def plan_of(told: ImportStatus | None, **seen: Any) -> tuple[ModelPlan, Step]:
    """The plan of a Model that would be Ready, with the import's step."""
    old = ModelStatus.model_validate({"import": told})
    observed = replace(ImportObserved(old, WANTED), **seen)
    mine = ModelStatus(observed_generation=2, conditions=merge((), ready("Synced", "as it should be"), 2, NOW))
    step = model_import.decide(observed, NOW)
    return model_import.joined(observed, Plan(mine, (), 30.0), step, NOW), step


@pytest.mark.parametrize("case", CASES)
def test_next_step(case: str) -> None:
    told, seen, actions, is_last, imported = CASES[case]
    plan, step = plan_of(told, **seen)
    assert [type(action).__name__ for action in plan.actions] == actions
    assert step.is_last is is_last
    condition = find(plan.status.conditions, "Imported")
    assert (f"{condition.reason} {condition.status}" if condition else "") == imported


# Imported condition's status → what Ready, Reconciling and Stalled say, as kstatus reads them
VERDICTS = {
    "under way": ("a pod that cannot start is waited for", ("Unknown", "True", "False")),
    "waited for": ("a crash is tried again, later", ("Unknown", "True", "False")),
    "failed for good": ("a recorded failure is for good", ("False", "False", "True")),
    "done": ("a run that is closed is left alone", ("True", "False", "False")),
    "not wanted": ("a Model without import has nothing of it", ("True", "False", "False")),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_ready_waits_for_the_import(verdict: str) -> None:
    case, expected = VERDICTS[verdict]
    told, seen, *_ = CASES[case]
    conditions = plan_of(told, **seen)[0].status.conditions
    found = (find(conditions, kind) for kind in ("Ready", "Reconciling", "Stalled"))
    assert tuple(c.status for c in found if c) == expected


def test_what_keeps_the_pod_from_starting_is_told() -> None:
    plan, _ = plan_of(BEGUN, tracked=RUN, packaging=PENDING)
    told = find(plan.status.conditions, "Ready")
    assert told is not None and "no node has room" in told.message


def test_conditions_know_since_when_they_hold() -> None:
    """The Model's own verdict lies between two looks at an import, and must not make one of them new."""
    before = NOW - timedelta(hours=1)
    old = ModelStatus(
        conditions=merge((), (*ready("Synced", ""), Fact("Imported", "Unknown", "Importing", "")), 1, before)
    )
    told = looked_at(old, NOW)
    assert find(told.conditions, "Stalled") != find(old.conditions, "Stalled")
    assert looked_at(told, NOW + timedelta(hours=1)) == told


def looked_at(old: ModelStatus, now: datetime) -> ModelStatus:
    """The status that follows on one, of a Model that would be Ready and whose import has failed."""
    observed = replace(ImportObserved(old, WANTED), **RECORDED)
    conditions = merge(old.conditions, ready("Synced", ""), 2, now)
    mine = old.model_copy(update={"observed_generation": 2, "conditions": conditions})
    return model_import.joined(observed, Plan(mine), model_import.decide(observed, now), now).status


@given(
    told=st.sampled_from([None, BEGUN, DONE, WAITING, DUE, AT_LAST, OTHER]),
    seen=st.sampled_from([RUNNING, PACKAGED, FINISHED, RECORDED, LOST, *map(failed, (MISMATCH, CRASH, ABSENT))]),
    without=st.sets(st.sampled_from(["tracked", "packaging"])),
    version=st.sampled_from([None, "3"]),
    former=st.sampled_from([(), ("arr-delay-1",)]),
    is_wanted=st.booleans(),
)
def test_every_state_has_an_answer(
    told: ImportStatus | None, seen: Seen, without: set[str], is_wanted: bool, **more: Any
) -> None:
    seen = {name: value for name, value in seen.items() if name not in without} | more
    plan, step = plan_of(told, **seen, wanted=WANTED if is_wanted else None)
    names = [type(action).__name__ for action in plan.actions]
    begins = not {"OpenRun", "ImportModel", "Register"}.isdisjoint(names)
    assert not begins or (is_wanted and seen["version"] is None), "never a second version"
    assert not begins or (told is not None and told.execution == WANTED.key), "never anything that nobody would end"
    assert not (step.is_last and names), "the finalizer stays until all is done"
    assert plan.requeue_after is not None and 0 <= plan.requeue_after <= 30
