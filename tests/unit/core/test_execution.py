"""What makes an execution another one."""

from typing import Any

import pytest

from millwright.api.training_run import TrainingRunSpec
from millwright.core.execution import Execution, ObjectKey, spec_hash

BASE: dict[str, Any] = {"pipeline": {"configMapRef": {"name": "p"}}, "output": {"model": "m"}}


def hashed(**changes: Any) -> str:
    return spec_hash(TrainingRunSpec.model_validate(BASE | changes))


RELEVANT = {
    "a parameter": {"parameters": {"months": "1-6"}},
    "another pipeline": {"pipeline": {"configMapRef": {"name": "q"}}},
    "another revision of the code": {"source": {"repoURL": "r", "revision": "2"}},
}
IRRELEVANT = {
    "the message": {"message": "hello"},
    "a gate": {"gates": [{"metric": "a", "operator": ">", "threshold": 1}]},
    "the deadline": {"activeDeadlineSeconds": 5},
    "suspend": {"suspend": True},
    "the node pools": {"nodePools": {"default": "cpu", "steps": {"train": "gpu"}}},
}


@pytest.mark.parametrize("change", RELEVANT.values(), ids=RELEVANT.keys())
def test_trains_again_when_it_changes(change: dict[str, Any]) -> None:
    assert hashed(**change) != hashed()


@pytest.mark.parametrize("change", IRRELEVANT.values(), ids=IRRELEVANT.keys())
def test_does_not_train_again_when_it_changes(change: dict[str, Any]) -> None:
    assert hashed(**change) == hashed()


def test_keys_differ_by_attempt_and_stay_names_of_jobs() -> None:
    run = ObjectKey("ns", "a-rather-long-name-for-a-training-run-that-somebody-chose")
    keys = {Execution(run, "uid", "hash", attempt).key for attempt in (1, 2)}
    assert len(keys) == 2
    assert all(len(f"{key}-package") <= 63 for key in keys)


REPLAY: dict[str, Any] = {"output": {"model": "m"}, "replayOf": {"modelVersion": "7"}}


def test_a_replay_of_another_version_runs_again_and_another_tolerance_does_not() -> None:
    def replayed(**of: Any) -> str:
        return spec_hash(TrainingRunSpec.model_validate(REPLAY | {"replayOf": of}))

    assert replayed(modelVersion="7") != replayed(modelVersion="8")
    assert replayed(modelVersion="7") != replayed(execution="arr-delay-0123456789")
    assert replayed(modelVersion="7") == replayed(modelVersion="7", tolerance=0.01)
