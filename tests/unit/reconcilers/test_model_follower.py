"""A Model is woken when its registered model looks otherwise than when it looked last."""

import pytest
from tests.fakes.registry import FakeRegistry
from tests.fakes.world import KEY, FakeWorld, model

from millwright.core.execution import ObjectKey, Package
from millwright.ports import MODELS, DependencyError

NAME = "flights.arr-delay"


async def looked() -> FakeWorld:
    """A Model that is in step with the registry, and an External alias."""
    world = FakeWorld()
    world.cluster.put(MODELS, model(aliases={"prod": "External"}))
    await world.settle(world.models)
    await world.registry.register(NAME, "run-1", Package("s3://models/x", "sha256:x", "onnx"), {})
    await world.settle(world.models)
    return world


async def woken(world: FakeWorld) -> list[ObjectKey]:
    keys: list[ObjectKey] = []
    await world.models.follower.compare(keys.append)
    return keys


async def test_a_registered_model_as_it_was_wakes_nobody() -> None:
    assert await woken(await looked()) == []


async def test_an_alias_that_somebody_moved_wakes_until_it_is_looked_at() -> None:
    world = await looked()
    await world.registry.set_alias(NAME, "prod", "1")
    assert await woken(world) == [KEY]
    assert await woken(world) == [KEY]
    await world.models.reconcile(KEY)
    assert await woken(world) == []


async def test_a_registered_model_that_somebody_deleted_wakes() -> None:
    world = await looked()
    del world.registry.models[NAME]
    assert await woken(world) == [KEY]


async def test_a_model_that_is_gone_is_followed_no_longer() -> None:
    world = await looked()
    await world.cluster.delete(MODELS, KEY.namespace, KEY.name)
    await world.models.reconcile(KEY)
    del world.registry.models[NAME]
    assert await woken(world) == []


async def test_what_cannot_be_listed_is_compared_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(_: FakeRegistry) -> None:
        raise DependencyError("mlflow", "down")

    world = await looked()
    await world.registry.set_alias(NAME, "prod", "1")
    with monkeypatch.context() as patched:
        patched.setattr(FakeRegistry, "list_models", down)
        assert await woken(world) == []
    assert await woken(world) == [KEY]
