"""How every reconciler tells trouble: in the status first, and then to its caller."""

import pytest
from tests.fakes.world import KEY, FakeWorld, deployment, model, training_run

from millwright.ports import DEPLOYMENTS, MODELS, TRAINING_RUNS, RejectedError

PLURAL = MODELS.plural


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """A world whose registry refuses to make the Model that is there."""

    async def refuse(*_: object) -> None:
        raise RejectedError("mlflow refused it: the name is taken")

    world = FakeWorld()
    monkeypatch.setattr(world.registry, "ensure_model", refuse)
    world.cluster.put(MODELS, model())
    return world


async def test_what_was_refused_is_told_and_raised(refusing: FakeWorld) -> None:
    with pytest.raises(RejectedError, match="the name is taken"):
        await refusing.models.reconcile(KEY)
    stalled = refusing.condition("Stalled", PLURAL)
    assert (stalled["status"], stalled["reason"]) == ("True", "Rejected")
    assert stalled["message"] == "mlflow refused it: the name is taken"
    assert refusing.status(PLURAL)["observedGeneration"] == 1


async def test_a_spec_that_the_operator_does_not_understand_is_told_and_raised() -> None:
    world = FakeWorld()
    world.cluster.put(DEPLOYMENTS, deployment(replicas="many"))
    with pytest.raises(RejectedError, match="replicas"):
        await world.deployments.reconcile(KEY)
    stalled = world.condition("Stalled", DEPLOYMENTS.plural)
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
    assert "correct the spec and apply it again" in stalled["message"]
    assert world.status(DEPLOYMENTS.plural)["observedGeneration"] == 1


async def test_what_is_still_refused_costs_no_further_write(refusing: FakeWorld) -> None:
    for _ in range(3):
        with pytest.raises(RejectedError):
            await refusing.models.reconcile(KEY)
    assert [verb for verb, plural, _ in refusing.cluster.writes if plural == PLURAL] == ["status"]


async def test_an_object_that_has_no_status_is_not_told_one_of_defaults() -> None:
    world = FakeWorld()
    world.cluster.put(MODELS, model())
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.training_runs.reconcile(KEY)  # opens the MLflow run, and has nothing to tell
    assert "status" not in [verb for verb, _, _ in world.cluster.writes]
