"""Packaging on fakes: which failures are tried again, and what is never lost for them."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import KEY, MODELS, FakeWorld, model, started

from millwright.core.execution import Cause
from millwright.ports import TRAINING_RUNS

NAME = "flights.arr-delay"
S3_DOWN = Cause("StorageUnavailable", "Could not write s3://models/a: http://s3 does not answer")
MLFLOW_DOWN = Cause("MlflowUnavailable", "MlflowException: API request failed")
EVICTED = Cause("Evicted", "the node was drained")
PICKLE = Cause("UnsafeFormat", "The model was logged as a pickle", final=True)
UNSUPPORTED = Cause("UnsupportedModel", "The model is logged as pytorch", final=True)
NO_MODEL = Cause("NoModelLogged", "The MLflow run has logged no model", final=True)


async def packaged(*failures: Cause) -> FakeWorld:
    """A world in which packaging failed for the first of these, at least, and the run has settled."""
    world = await started(FakeWorld())
    world.packaging.failures = list(failures)
    await world.settle(world.training_runs)
    return world


@pytest.mark.parametrize("cause", [S3_DOWN, MLFLOW_DOWN, EVICTED], ids=lambda cause: cause.reason)
async def test_what_is_down_is_said_and_packaging_is_tried_again_after_a_while(cause: Cause) -> None:
    world = await packaged(cause, cause)
    for _ in range(2):
        assert world.status()["state"] == "Packaging"
        assert world.condition("Ready")["status"] == "Unknown"
        assert world.condition("Ready")["reason"] == cause.reason
        assert cause.message in world.condition("Ready")["message"]
        world.clock.time += timedelta(seconds=90)
        await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert (len(world.pipelines.launched), len(world.packaging.ledger)) == (1, 3)
    assert world.status()["attempt"] == 1


@pytest.mark.parametrize("cause", [NO_MODEL, UNSUPPORTED, Cause("Error", "KeyError")], ids=lambda cause: cause.reason)
async def test_what_no_other_try_can_help_is_the_failure_of_the_run(cause: Cause) -> None:
    world = await packaged(cause)
    assert world.status()["failure"]["reason"] == cause.reason
    world.cluster.put(MODELS, model(allowPickle=True))
    world.clock.time += timedelta(hours=1)
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Failed"
    assert len(world.packaging.ledger) == 1


async def test_a_model_that_comes_to_allow_pickles_has_the_same_result_packaged_anew() -> None:
    world = await packaged(PICKLE)
    assert world.condition("Ready")["reason"] == "UnsafeFormat"
    writes = len(world.cluster.writes)
    world.cluster.put(MODELS, model(description="other words"))
    await world.settle(world.training_runs)
    assert (len(world.cluster.writes), len(world.packaging.ledger)) == (writes, 1)
    world.cluster.put(MODELS, model(allowPickle=True))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert "failure" not in world.status()
    assert [entry["outcome"] for entry in world.status()["history"]] == ["Succeeded"]
    assert (len(world.pipelines.launched), len(world.packaging.ledger)) == (1, 2)
    labels = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]["metadata"]["labels"]
    assert labels == {}


async def test_what_a_pickle_turns_out_to_be_may_still_fail_and_that_is_final() -> None:
    world = await packaged(PICKLE, UNSUPPORTED)
    world.cluster.put(MODELS, model(allowPickle=True))
    for _ in range(3):
        await world.settle(world.training_runs)
        world.clock.time += timedelta(hours=1)
    assert world.status()["failure"]["reason"] == "UnsupportedModel"
    assert len(world.packaging.ledger) == 2


async def test_a_refused_pickle_whose_job_is_gone_is_packaged_when_it_is_allowed() -> None:
    world = await packaged(PICKLE)
    world.packaging.started.clear()
    await world.settle(world.training_runs)
    assert len(world.packaging.ledger) == 1
    world.cluster.put(MODELS, model(allowPickle=True))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"


@settings(max_examples=100)
@given(
    failures=st.lists(st.sampled_from([S3_DOWN, MLFLOW_DOWN, EVICTED, PICKLE]), max_size=4),
    before=st.frozensets(st.integers(1, 30), max_size=5),
    after=st.frozensets(st.integers(1, 30), max_size=5),
)
async def test_killed_at_any_write_while_packaging_fails_the_end_is_one_version(
    failures: list[Cause], before: frozenset[int], after: frozenset[int]
) -> None:
    world = FakeWorld()
    await started(world)
    world.packaging.failures = failures
    world.faults.before, world.faults.after = (frozenset(n + world.faults.calls for n in s) for s in (before, after))
    for allow in (False, *[True] * 6):
        world.cluster.put(MODELS, model(allowPickle=allow))
        await world.settle(world.training_runs)
        world.clock.time += timedelta(minutes=2)
    assert world.status()["state"] == "Succeeded"
    assert len(world.pipelines.launched) == 1
    assert len(world.registry.model_versions[NAME]) == 1
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED"]
