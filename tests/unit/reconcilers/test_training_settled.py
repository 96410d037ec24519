"""A TrainingRun that has its result, on fakes: what becomes of the result later."""

from typing import Any

import pytest
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core.execution import Cause
from millwright.ports import TRAINING_RUNS, DependencyError, RejectedError

FAILED = (Cause("Error", "no rows"),)


def fail_once(monkeypatch: pytest.MonkeyPatch, port: object, method: str, error: Exception) -> None:
    """The next call of that method fails."""
    real = getattr(port, method)

    async def fail(*_: Any) -> None:
        monkeypatch.setattr(port, method, real)
        raise error

    monkeypatch.setattr(port, method, fail)


def verdict(world: FakeWorld) -> dict[str, tuple[str, str]]:
    return {kind: (c["status"], c["reason"]) for kind in ("Ready", "Stalled") for c in [world.condition(kind)]}


@pytest.mark.parametrize("outcomes", [(), FAILED], ids=["succeeded", "failed"])
@pytest.mark.parametrize(
    "error",
    [DependencyError("kubernetes", "the object has been modified"), RejectedError("Kubernetes refused it")],
    ids=["an outage", "a refusal"],
)
async def test_trouble_after_the_end_is_told_until_it_is_over(
    monkeypatch: pytest.MonkeyPatch, error: Exception, outcomes: tuple[Cause, ...]
) -> None:
    world = await started(FakeWorld(outcomes=outcomes))
    while world.status().get("state") not in ("Succeeded", "Failed"):
        await world.training_runs.reconcile(KEY)
    ended = verdict(world)
    fail_once(monkeypatch, world.cluster, "patch", error)
    with pytest.raises(type(error)):
        await world.training_runs.reconcile(KEY)
    assert (world.condition("Reconciling")["status"], verdict(world)) != ("False", ended)
    await world.settle(world.training_runs)
    assert (world.condition("Reconciling")["status"], verdict(world)) == ("False", ended)
    assert not world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]["metadata"]["finalizers"]


async def test_a_refusal_of_a_new_spec_is_told_of_it_and_is_not_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await started(FakeWorld())
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run(message="better words"))
    fail_once(monkeypatch, world.registry, "find_run", RejectedError("mlflow refused it"))
    with pytest.raises(RejectedError):
        await world.training_runs.reconcile(KEY)
    assert (world.status()["observedGeneration"], world.condition("Ready")["reason"]) == (2, "Rejected")
    await world.settle(world.training_runs)
    assert (world.status()["observedGeneration"], world.condition("Ready")["reason"]) == (2, "Succeeded")


async def test_a_spec_that_was_reverted_tells_its_version_and_trains_nothing() -> None:
    world = await started(FakeWorld())
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "1-6"}))
    await world.settle(world.training_runs)
    assert world.status()["modelVersion"] == "2"
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert (world.status()["modelVersion"], len(world.pipelines.launched)) == ("1", 2)


async def test_a_run_that_was_deleted_and_applied_again_trains_anew() -> None:
    world = await started(FakeWorld())
    await world.settle(world.training_runs)
    await world.cluster.delete(TRAINING_RUNS, KEY.namespace, KEY.name)
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert (world.status()["modelVersion"], len(world.pipelines.launched)) == ("2", 2)
