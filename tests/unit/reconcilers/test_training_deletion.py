"""TrainingRuns that are deleted: what is under way ends, and nothing holds the deletion up."""

import pytest
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.ports import TRAINING_RUNS, DependencyError, RejectedError

NAME = "flights.arr-delay"


async def test_a_backend_is_told_to_forget_a_run_that_was_stopped_and_then_deleted() -> None:
    world = await started(FakeWorld(looks=1000, keeps_record=True), activeDeadlineSeconds=10)
    await world.settle(world.training_runs)
    assert world.condition("Ready")["reason"] == "DeadlineExceeded"
    body = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    assert body["metadata"]["finalizers"]
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.settle(world.training_runs)
    assert world.pipelines.forgotten == [body["metadata"]["uid"]]


async def test_a_backend_that_keeps_a_record_is_told_to_forget_when_the_run_is_deleted() -> None:
    world = await started(FakeWorld(keeps_record=True))
    await world.settle(world.training_runs)
    body = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    assert body["metadata"]["finalizers"] and world.pipelines.runs
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.settle(world.training_runs)
    assert not world.pipelines.runs
    assert (TRAINING_RUNS.plural, KEY.namespace, KEY.name) not in world.cluster.objects


async def test_deleting_ends_what_is_under_way_and_leaves_the_registry_alone() -> None:
    world = await started(FakeWorld())
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    body = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.settle(world.training_runs)
    assert (TRAINING_RUNS.plural, KEY.namespace, KEY.name) not in world.cluster.objects
    assert world.pipelines.stopped == world.pipelines.launched
    assert [run.status for _, _, run in world.registry.runs.values()] == ["KILLED"]
    assert NAME in world.registry.models


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RejectedError("it is no place that may be read here"), "Rejected"),
        (DependencyError("s3", "connection refused"), "S3Unavailable"),
    ],
)
async def test_a_pipeline_that_cannot_be_read_keeps_nobody_from_ending_what_runs(error: Exception, reason: str) -> None:
    world = await started(FakeWorld())
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    world.objects.contents = Unreadable(error)
    unreadable = {"uri": "s3://elsewhere/pipe.yaml", "digest": f"sha256:{'0' * 64}"}
    world.cluster.put(TRAINING_RUNS, training_run(pipeline=unreadable))
    await world.settle(world.training_runs)
    assert world.pipelines.stopped == world.pipelines.launched
    assert world.condition("Ready")["reason"] == reason
    body = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.settle(world.training_runs)
    assert (TRAINING_RUNS.plural, KEY.namespace, KEY.name) not in world.cluster.objects


class Unreadable(dict[str, bytes]):
    """Storage that fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def get(self, key: str, default: object = None) -> bytes:
        raise self._error


async def test_nothing_is_opened_for_a_run_that_was_deleted_since_it_was_seen() -> None:
    world = await started(FakeWorld())
    del world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    world.cache.late = [1]
    assert await world.training_runs.reconcile(KEY) is None
    assert not world.registry.runs and not world.pipelines.launched
