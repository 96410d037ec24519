"""Limits of a TrainingRun on fakes: time, money, and how long a pod may be unable to start."""

from datetime import timedelta
from decimal import Decimal

from tests.fakes.pipelines import EPOCH
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core.execution import Blocked, Phase, PodUse
from millwright.core.node_pools import NodePool, NodePools
from millwright.ports import TRAINING_RUNS


async def test_a_run_past_its_deadline_is_stopped_and_more_time_starts_another_attempt() -> None:
    world = await started(FakeWorld(looks=1000), activeDeadlineSeconds=30, backoffLimit=3)
    await world.settle(world.training_runs)
    assert world.condition("Ready")["reason"] == "DeadlineExceeded"
    assert world.pipelines.stopped == world.pipelines.launched
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FAILED"]
    world.cluster.put(TRAINING_RUNS, training_run(activeDeadlineSeconds=30, message="no more time"))
    await world.settle(world.training_runs)
    assert len(world.pipelines.launched) == 1
    world.pipelines.looks = 2
    world.cluster.put(TRAINING_RUNS, training_run(activeDeadlineSeconds=3600))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert world.status()["attempt"] == 2


async def test_a_pod_that_can_never_start_fails_the_run_after_a_while() -> None:
    world = await started(FakeWorld(looks=1000))
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    world.pipelines.show(
        Phase.PENDING, blocked=Blocked("ImagePullBackOff", EPOCH), waiting_for="ImagePullBackOff: no such image"
    )
    await world.training_runs.reconcile(KEY)
    assert world.status()["state"] == "Pending"
    world.clock.time += timedelta(minutes=5)
    await world.settle(world.training_runs)
    assert world.status()["failure"]["reason"] == "ImagePullBackOff"
    assert world.pipelines.stopped == world.pipelines.launched


GPU = NodePools({"gpu": NodePool("gpu", hourly_cost=Decimal("3.60"))})


async def costing(world: FakeWorld, seconds: int, **spec: object) -> FakeWorld:
    """A world in which a run's pod has held a GPU node for so many seconds, and holds it still."""
    world.pools = GPU
    await started(world, **spec)
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    world.clock.time = EPOCH + timedelta(seconds=seconds)
    world.pipelines.show(Phase.RUNNING, uses=(PodUse("gpu", EPOCH),))
    return world


async def test_what_a_run_costs_is_its_pods_time_at_their_pools_price() -> None:
    world = await costing(FakeWorld(looks=1000), seconds=150)
    await world.training_runs.reconcile(KEY)
    assert world.status()["cost"] == {"amount": "0.1200", "currency": "EUR"}, "120 s: up to the last full minute"
    world.pipelines.looks = 2
    world.pipelines.show(Phase.RUNNING, uses=(PodUse("gpu", EPOCH, EPOCH + timedelta(seconds=500)),))
    await world.settle(world.training_runs)
    assert world.status()["cost"]["amount"] == "0.5000"
    assert world.status()["history"][0]["cost"] == "0.5000"


async def test_pods_that_are_gone_were_paid_for_too() -> None:
    world = await costing(FakeWorld(looks=1000), seconds=180)
    await world.training_runs.reconcile(KEY)
    assert world.status()["cost"]["amount"] == "0.1800"
    world.cluster.put(TRAINING_RUNS, training_run(suspend=True))
    await world.settle(world.training_runs)
    world.pipelines.looks = 2
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert world.status()["cost"]["amount"] == world.status()["history"][0]["cost"] == "0.1800"


async def test_a_run_that_has_spent_its_budget_is_stopped_and_a_larger_one_goes_on() -> None:
    world = await costing(FakeWorld(looks=1000), seconds=700, budget={"maxCost": "0.50"}, backoffLimit=3)
    await world.settle(world.training_runs)
    assert world.status()["failure"]["reason"] == "BudgetExceeded"
    assert world.pipelines.stopped == world.pipelines.launched
    assert float(world.status()["cost"]["amount"]) >= 0.5
    world.pipelines.looks = 2
    world.cluster.put(TRAINING_RUNS, training_run(budget={"maxCost": "5.00"}, backoffLimit=3))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
