"""A TrainingRun in a queue for quota, on fakes."""

import pytest
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core.queueing import Admission, QueuePlace
from millwright.ports import TRAINING_RUNS


async def test_a_run_with_a_queue_waits_for_quota_and_gives_it_back() -> None:
    world = await started(FakeWorld(), queueName="team")
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Queued"
    assert world.condition("Ready")["message"] == "in queue team, 2 before it: no quota is left"
    assert not world.pipelines.launched and not world.registry.runs
    world.queues.say(QueuePlace("team", Admission.ADMITTED))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert not world.queues.places


async def test_a_run_whose_quota_is_taken_back_stops_and_queues_again() -> None:
    world = await started(FakeWorld(looks=1000), queueName="team")
    await world.settle(world.training_runs)
    world.queues.say(QueuePlace("team", Admission.ADMITTED))
    for _ in range(4):
        await world.training_runs.reconcile(KEY)
    world.queues.say(QueuePlace("team", Admission.EVICTED, "preempted by a more important one"))
    await world.settle(world.training_runs)
    assert world.pipelines.stopped == world.pipelines.launched
    assert world.status()["state"] == "Queued"
    assert len(world.queues.entered) == 2
    world.pipelines.looks = 2
    world.queues.say(QueuePlace("team", Admission.ADMITTED))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert world.status()["attempt"] == 1


async def test_a_run_that_waits_moves_to_another_queue() -> None:
    world = await started(FakeWorld(), queueName="team")
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run(queueName="other"))
    await world.settle(world.training_runs)
    assert world.condition("Ready")["message"].startswith("in queue other, ")
    assert [place.queue for place in world.queues.places.values()] == ["other"]


async def test_a_queue_that_is_no_longer_named_is_left() -> None:
    world = await started(FakeWorld(), queueName="team")
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert not world.queues.places
    assert world.status()["state"] == "Succeeded"


@pytest.mark.parametrize("spec", [{"queueName": "team", "suspend": True}, {"parameters": {"train_months": "7"}}])
async def test_a_suspended_or_superseded_run_does_not_wait_for_quota(spec: dict[str, object]) -> None:
    world = await started(FakeWorld(), queueName="team")
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run(**spec))
    await world.settle(world.training_runs)
    assert not world.queues.places
