"""Models on Models on fakes: what a run was launched with is what its version tells, and its Model compares."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.world import KEY, FakeWorld, model, training_run

from millwright.core.execution import ObjectKey, Package
from millwright.ports import MODELS, TRAINING_RUNS

FEATURES = ObjectKey(KEY.namespace, "features")
ON_FEATURES = {"dependsOn": [{"name": FEATURES.name}]}
NAME = "flights.arr-delay"


def put(world: FakeWorld, key: ObjectKey, **spec: Any) -> None:
    body = model(**spec)
    body["metadata"] |= {"name": key.name}
    world.cluster.put(MODELS, body)


async def release(world: FakeWorld) -> None:
    """Another version of the upstream Model is approved."""
    await world.registry.register(
        "flights.features", "run-0", Package("x", "x", "onnx"), {"millwright.gates": "Passed"}
    )
    await world.settle(world.models, FEATURES)
    await world.settle(world.models)


async def world_with_both() -> FakeWorld:
    world = FakeWorld()
    for key, spec in ((FEATURES, {}), (KEY, ON_FEATURES)):
        put(world, key, **spec)
        await world.settle(world.models, key)
    await release(world)
    return world


async def train(world: FakeWorld, months: str) -> None:
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": months}))
    await world.settle(world.training_runs)
    await world.settle(world.models)


def up_to_date(world: FakeWorld) -> tuple[str, str]:
    told = world.condition("UpToDate", MODELS.plural)
    return told["status"], told["reason"]


async def test_a_model_is_out_of_date_from_when_another_upstream_version_is_approved_until_it_is_trained_again() -> (
    None
):
    world = await world_with_both()
    assert up_to_date(world) == ("Unknown", "NoVersion")
    await train(world, "1")
    assert up_to_date(world) == ("True", "UpToDate")
    await release(world)
    assert up_to_date(world) == ("False", "UpstreamChanged")
    since = world.condition("UpToDate", MODELS.plural)["lastTransitionTime"]
    await release(world)
    assert "version 1 of features, of which version 3" in world.condition("UpToDate", MODELS.plural)["message"]
    assert world.condition("UpToDate", MODELS.plural)["lastTransitionTime"] == since
    assert world.condition("Ready", MODELS.plural)["status"] == "True"
    await train(world, "1-6")
    assert up_to_date(world) == ("True", "UpToDate")
    writes = len(world.cluster.writes)
    await world.settle(world.models)
    assert len(world.cluster.writes) == writes


async def test_what_was_approved_at_the_launch_counts_and_not_what_was_at_the_end() -> None:
    world = await world_with_both()
    world.cluster.put(TRAINING_RUNS, training_run())
    while not world.pipelines.launched:
        await world.training_runs.reconcile(KEY)
    await release(world)
    await world.settle(world.training_runs)
    await world.settle(world.models)
    assert world.registry.model_versions[NAME][0].tags["millwright.upstream.features"] == "1"
    assert up_to_date(world) == ("False", "UpstreamChanged")


async def test_a_run_that_is_launched_again_tells_what_is_approved_then() -> None:
    world = await world_with_both()
    world.cluster.put(TRAINING_RUNS, training_run())
    while not world.pipelines.launched:
        await world.training_runs.reconcile(KEY)
    world.cluster.put(TRAINING_RUNS, training_run(suspend=True))
    await world.settle(world.training_runs)
    await release(world)
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    await world.settle(world.models)
    assert up_to_date(world) == ("True", "UpToDate")


async def test_a_model_that_depends_on_nothing_any_more_is_not_compared() -> None:
    world = await world_with_both()
    put(world, KEY)
    await world.settle(world.models)
    assert "UpToDate" not in [condition["type"] for condition in world.status(MODELS.plural)["conditions"]]


async def test_a_circle_is_told_by_every_model_in_it_and_harms_none() -> None:
    world = await world_with_both()
    put(world, FEATURES, dependsOn=[{"name": KEY.name}])
    for key in (FEATURES, KEY, FEATURES):
        await world.settle(world.models, key)
    await train(world, "1")
    assert up_to_date(world) == ("Unknown", "DependencyCycle")
    assert world.condition("Ready", MODELS.plural)["status"] == "True"
    assert world.status(MODELS.plural)["aliases"] == {"champion": "1"}


CALLS = st.frozensets(st.integers(1, 25), max_size=6)


@settings(max_examples=60)
@given(before=CALLS, after=CALLS, release_at=st.integers(0, 6))
async def test_killed_at_any_write_a_version_tells_what_was_approved_at_its_launch(
    before: frozenset[int], after: frozenset[int], release_at: int
) -> None:
    world = await world_with_both()
    world.cluster.put(TRAINING_RUNS, training_run())
    world.faults.calls, approved, at_launch = 0, "1", ""
    for look in range(40):
        if look == release_at:
            world.faults.before = world.faults.after = frozenset()
            await release(world)
            approved = "2"
        world.faults.before, world.faults.after = before, after
        with suppress(Killed):
            await world.training_runs.reconcile(KEY)
        at_launch = at_launch or (approved if world.pipelines.launched else "")
    (version,) = world.registry.model_versions[NAME]
    assert version.tags["millwright.upstream.features"] == at_launch
