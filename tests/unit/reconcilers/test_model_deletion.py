"""The end of a Model on fakes: what goes with it, and what stays."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.world import KEY, FakeWorld, deployment, model

from millwright.core.execution import Package
from millwright.ports import DEPLOYMENTS, MODELS, Manifest

NAME = "flights.arr-delay"
PLACE = (MODELS.plural, KEY.namespace, KEY.name)
PACKAGE = "s3://models/flights/arr-delay/k-1"
DELETE = {"deletionPolicy": "Delete"}


async def with_versions(**spec: Any) -> FakeWorld:
    """Two versions of one package, and one that somebody made by hand."""
    world = FakeWorld()
    world.cluster.put(MODELS, model(**spec))
    await world.settle(world.models)
    world.objects.contents |= {f"{PACKAGE}/model.onnx": b"", f"{PACKAGE}.replay/replay.json": b""}
    ours = {"millwright.gates": "Passed", "millwright.package": PACKAGE, "millwright.digest": "sha256:1"}
    for tags in (ours, ours, {}):
        await world.registry.register(NAME, "run-1", Package(PACKAGE, "sha256:1", "onnx"), tags)
    await world.settle(world.models)
    return world


def delete(world: FakeWorld) -> None:
    """As `kubectl delete` does."""
    body = world.cluster.objects[PLACE]
    if body["metadata"].get("finalizers"):
        body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    else:
        del world.cluster.objects[PLACE]


def serving(version: str) -> Manifest:
    """A Deployment that serves a version."""
    shown = {"version": version, "digest": "sha256:1", "versionSet": "set", "since": "2026-01-01T00:00:00Z"}
    return deployment() | {"status": {"stable": shown}}


def is_whole(world: FakeWorld) -> bool:
    """Whether nothing is deleted of what the registry and storage had."""
    return len(world.registry.model_versions[NAME]) == 3 and len(world.objects.contents) == 2


def nothing_is_left(world: FakeWorld) -> bool:
    """Whether all is deleted."""
    return not (world.registry.models or world.registry.model_versions or world.objects.contents)


async def test_a_model_that_is_retained_can_be_deleted_without_us() -> None:
    world = await with_versions()
    delete(world)
    assert PLACE not in world.cluster.objects
    await world.settle(world.models)
    assert is_whole(world)


async def test_with_a_model_that_is_deleted_go_all_versions_and_packages() -> None:
    world = await with_versions(**DELETE)
    delete(world)
    await world.settle(world.models)
    assert PLACE not in world.cluster.objects
    assert nothing_is_left(world)


async def test_a_model_that_is_served_waits_and_tells_who_serves_it() -> None:
    world = await with_versions(**DELETE)
    world.cluster.put(DEPLOYMENTS, serving("2"))
    delete(world)
    await world.settle(world.models)
    assert is_whole(world)
    told = world.condition("Ready", MODELS.plural)
    assert (told["status"], told["reason"]) == ("Unknown", "StillServed")
    assert told["message"].startswith("served by arr-delay (version 2): delete these Deployments")
    writes = len(world.cluster.writes)
    await world.settle(world.models)
    assert len(world.cluster.writes) == writes
    await world.cluster.delete(DEPLOYMENTS, KEY.namespace, KEY.name)
    await world.settle(world.models)
    assert PLACE not in world.cluster.objects and world.registry.models == {}


async def test_who_waits_for_its_deletion_may_still_say_that_all_is_to_stay() -> None:
    world = await with_versions(**DELETE)
    world.cluster.put(DEPLOYMENTS, serving("2"))
    delete(world)
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    assert PLACE not in world.cluster.objects and is_whole(world)


async def test_a_model_that_is_to_stay_after_all_holds_nothing_up() -> None:
    world = await with_versions(**DELETE)
    assert world.cluster.objects[PLACE]["metadata"]["finalizers"] == ["millwright.dev/model"]
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    assert world.cluster.objects[PLACE]["metadata"]["finalizers"] == []
    assert is_whole(world)


async def test_a_registered_model_has_one_model_and_only_that_deletes_it() -> None:
    world = await with_versions(**DELETE)
    second = model(registeredName=NAME, **DELETE)
    second["metadata"] |= {"name": "second"}
    world.cluster.put(MODELS, second)
    other = type(KEY)(KEY.namespace, "second")
    await world.settle(world.models, other)
    body = world.cluster.objects[MODELS.plural, KEY.namespace, "second"]
    ready = next(c for c in body["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "RegisteredNameTaken")
    assert "finalizers" not in body["metadata"]
    delete(world)
    await world.settle(world.models)
    assert world.registry.models == {}
    await world.settle(world.models, other)
    assert world.registry.models[NAME].tags["millwright.model"] == "second"


async def test_a_model_whose_registered_model_somebody_deleted_goes() -> None:
    world = await with_versions(**DELETE)
    await world.registry.delete_model(NAME)
    delete(world)
    await world.settle(world.models)
    assert PLACE not in world.cluster.objects


CALLS = st.frozensets(st.integers(1, 12), max_size=6)


@settings(max_examples=100)
@given(before=CALLS, after=CALLS)
async def test_killed_at_any_write_nothing_is_left_in_the_end(before: frozenset[int], after: frozenset[int]) -> None:
    world = await with_versions(**DELETE)
    delete(world)
    world.faults.calls, world.faults.before, world.faults.after = 0, before, after
    for _ in range(20):
        with suppress(Killed):
            await world.models.reconcile(KEY)
    assert PLACE not in world.cluster.objects
    assert nothing_is_left(world)
