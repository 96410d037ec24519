"""Whether steps may be answered from a cache."""

from typing import Any

import pytest

from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus
from millwright.core.attempts import current_execution
from millwright.core.caching import may_use_cache, without_cache
from millwright.core.execution import ObjectKey, spec_hash
from millwright.core.ir import Pipeline
from millwright.core.training_state import Subject

CACHED = {"cachingOptions": {"enableCache": True}, "componentRef": {"name": "comp-train"}}

PIPELINE = {"pipeline": {"configMapRef": {"name": "p"}}}


def subject(attempt: int, reason: str | None, **spec: Any) -> Subject:
    """A TrainingRun whose last failure was for that reason."""
    wanted = TrainingRunSpec.model_validate(
        {"output": {"model": "m"}} | (spec if "replayOf" in spec else PIPELINE | spec)
    )
    failure = {"failure": {"reason": reason, "message": ""}} if reason else {}
    status = TrainingRunStatus.model_validate({"specHash": spec_hash(wanted), "attempt": attempt} | failure)
    return Subject(ObjectKey("flights", "arr-delay"), "uid", 1, wanted, status)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (subject(1, None), True),
        (subject(1, None, cache=False), False),
        (subject(1, None, replayOf={"modelVersion": "1"}), False),
        (subject(2, "Error"), True),
        (subject(2, "LauncherFailed"), False),
        (subject(1, "LauncherFailed"), True),
    ],
)
def test_a_cache_is_used_where_it_may_be_and_is_not_distrusted(asked: Subject, allowed: bool) -> None:
    assert may_use_cache(asked, current_execution(asked)) is allowed


def test_no_task_is_answered_from_a_cache_however_deep_and_nothing_else_changes() -> None:
    loop = {"dag": {"tasks": {"train": CACHED}}}
    plain = {"executorLabel": "exec-train"}
    spec = {
        "root": {"dag": {"tasks": {"loop": CACHED}}, "x": 1},
        "components": {"comp-loop": loop, "comp-train": plain},
    }
    found = without_cache(Pipeline(spec, {"platforms": {}}))
    assert found.spec["root"]["dag"]["tasks"]["loop"] == CACHED | {"cachingOptions": {}}
    assert found.spec["components"]["comp-loop"]["dag"]["tasks"]["train"] == CACHED | {"cachingOptions": {}}
    assert (found.spec["components"]["comp-train"], found.spec["root"]["x"]) == (plain, 1)
    assert found.platform == {"platforms": {}}
    assert spec["root"] == {"dag": {"tasks": {"loop": CACHED}}, "x": 1}, "what was given stays as it is"
