"""How every reconciler tells trouble: in the status first, and then to its caller."""

import pytest
from tests.fakes.states import serving
from tests.fakes.world import KEY, FakeWorld, deployment, model, training_run

from millwright.ports import DEPLOYMENTS, MODELS, TRAINING_RUNS, ConflictError, Manifest, RejectedError, Resource

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


async def test_what_has_changed_since_it_was_seen_is_looked_at_anew_and_at_once() -> None:
    world = FakeWorld()
    world.cluster.put(DEPLOYMENTS, deployment())
    world.cluster.put(DEPLOYMENTS, deployment(replicas=2))
    world.cache.late = [1]
    await world.deployments.reconcile(KEY)
    assert world.status(DEPLOYMENTS.plural)["observedGeneration"] == 2


async def test_what_changes_all_the_time_is_left_to_the_next_look_and_is_told_as_no_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def conflict(*_: object) -> None:
        raise ConflictError("kubernetes", "the object has been modified")

    world = FakeWorld()
    world.cluster.put(DEPLOYMENTS, deployment())
    monkeypatch.setattr(world.cluster, "patch_status", conflict)
    with pytest.raises(ConflictError):
        await world.deployments.reconcile(KEY)
    monkeypatch.undo()
    await world.deployments.reconcile(KEY)
    assert world.condition("Ready", DEPLOYMENTS.plural)["reason"] == "ModelNotFound"


async def test_a_look_at_what_is_at_rest_asks_for_no_object_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await serving()
    await world.deployments.reconcile(KEY)
    read, asked = world.cluster.get, set[str]()

    async def noted(resource: Resource, namespace: str, name: str) -> Manifest | None:
        asked.add(resource.plural)
        return await read(resource, namespace, name)

    monkeypatch.setattr(world.cluster, "get", noted)
    await world.deployments.reconcile(KEY)
    assert not asked & {DEPLOYMENTS.plural, MODELS.plural}
