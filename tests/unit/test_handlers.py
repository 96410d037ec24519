"""Which objects a Model wakes."""

from typing import Any

import kopf
import pytest
from tests.fakes.world import KEY, FakeWorld, started

from millwright.core.execution import ObjectKey
from millwright.handlers import Watches, configure, has_result, is_at_rest
from millwright.ports import TRAINING_RUNS, Manifest
from millwright.reconcilers.training_run import FINALIZER

MODEL = ObjectKey("flights", "arr-delay")
FIRST, SECOND = ObjectKey("flights", "first"), ObjectKey("flights", "second")


def training_run(generation: int, observed: int, succeeded: str, failure: str = "") -> dict[str, Any]:
    """As it comes with an event."""
    condition = {"type": "Succeeded", "status": succeeded, "observedGeneration": observed}
    status = {"conditions": [condition], "failure": {"reason": failure}}
    return {"metadata": {"generation": generation}, "status": status}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"metadata": {"generation": 1}}, False, id="nobody has looked at it"),
        pytest.param(training_run(1, 1, "Unknown"), False, id="under way"),
        pytest.param(training_run(1, 1, "True"), True, id="succeeded"),
        pytest.param(training_run(1, 1, "False"), True, id="failed"),
        pytest.param(training_run(1, 1, "False", "NoModelLogged"), True, id="failed for good"),
        pytest.param(training_run(1, 1, "False", "UnsafeFormat"), False, id="failed for what the Model may yet allow"),
        pytest.param(training_run(2, 1, "True"), False, id="the result is that of an earlier spec"),
    ],
)
def test_a_training_run_has_its_result_when_the_status_speaks_of_this_spec(
    body: dict[str, Any], expected: bool
) -> None:
    assert has_result(body) is expected


def test_an_api_server_that_fails_or_says_nothing_is_asked_again_soon_and_for_long() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    waits = settings.networking.error_backoffs
    assert isinstance(waits, tuple) and max(waits) <= 8 and sum(waits) >= 600
    assert settings.watching.server_timeout is not None
    assert settings.watching.server_timeout < settings.watching.inactivity_timeout < 60
    assert settings.networking.request_timeout is not None and settings.networking.request_timeout < 60


def test_a_model_wakes_what_names_it_until_that_is_forgotten() -> None:
    watches = Watches()
    watches.learn("TrainingRun", FIRST, MODEL.name)
    watches.learn("TrainingRun", SECOND, MODEL.name)
    watches.learn("TrainingRun", FIRST)
    assert watches.users("TrainingRun", MODEL) == [SECOND]


def test_other_node_pools_wake_all_of_a_kind_whatever_model_they_name() -> None:
    watches = Watches()
    watches.learn("Deployment", FIRST, "one")
    watches.learn("Deployment", SECOND, "two")
    watches.learn("TrainingRun", FIRST, "one")
    assert watches.all("Deployment") == [FIRST, SECOND]


def test_an_object_may_name_several_models_of_its_namespace() -> None:
    watches = Watches()
    watches.learn("Model", FIRST, "other", MODEL.name)
    watches.learn("Model", ObjectKey("hotels", "first"), MODEL.name)
    assert watches.users("Model", MODEL) == [FIRST]
    watches.learn("Model", FIRST, "other")
    assert watches.users("Model", MODEL) == []


def test_a_model_asks_for_something_else_when_it_comes_goes_or_has_another_spec() -> None:
    watches = Watches()
    told = [watches.is_new_spec(MODEL, generation) for generation in (1, 1, 2, 2, None, 1)]
    assert told == [True, False, True, False, True, True]


async def with_result(**spec: Any) -> Manifest:
    """A TrainingRun that has succeeded, as it stands in the cluster."""
    world = await started(FakeWorld(), **spec)
    await world.settle(world.training_runs)
    return dict(world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name])


async def test_a_training_run_with_its_result_is_at_rest_and_wakes_nobody() -> None:
    assert is_at_rest(KEY, await with_result())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"generation": 2}, id="its spec has changed since"),
        pytest.param({"finalizers": [FINALIZER]}, id="it is held"),
        pytest.param({"deletionTimestamp": "2026-01-01T00:00:00Z"}, id="it is being deleted"),
    ],
)
async def test_a_training_run_is_looked_at_while(changes: dict[str, Any]) -> None:
    body = await with_result()
    assert not is_at_rest(KEY, body | {"metadata": body["metadata"] | changes})


async def test_a_training_run_is_looked_at_while_its_children_are_to_go_after_a_time() -> None:
    assert not is_at_rest(KEY, await with_result(ttlSecondsAfterFinished=60))


async def test_a_training_run_is_looked_at_while_trouble_is_told_since_its_end() -> None:
    body = await with_result()
    told = [c | {"reason": "MlflowUnavailable"} if c["type"] == "Ready" else c for c in body["status"]["conditions"]]
    assert not is_at_rest(KEY, body | {"status": body["status"] | {"conditions": told}})


async def test_a_training_run_that_failed_for_what_its_model_may_yet_allow_is_looked_at() -> None:
    body = await with_result()
    failure = {"reason": "UnsafeFormat", "message": "a pickle", "task": None, "podName": None, "exitCode": None}
    assert not is_at_rest(KEY, body | {"status": body["status"] | {"failure": failure}})


async def test_a_training_run_whose_spec_is_wrong_is_looked_at() -> None:
    body = await with_result()
    assert not is_at_rest(KEY, body | {"spec": {}})
