"""What a TrainingRun has behind it, on fakes: how much of it is kept, and what goes with the rest."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.pipelines import EPOCH
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core.execution import Cause, Phase, PodUse
from millwright.core.node_pools import NodePool, NodePools
from millwright.ports import CONFIG_MAPS, TRAINING_RUNS

NAME = "flights.arr-delay"


async def apply(world: FakeWorld, months: int, **spec: Any) -> FakeWorld:
    """Applies the run of so many months, and lets it settle."""
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": str(months)}, **spec))
    await world.settle(world.training_runs)
    return world


def outcomes(world: FakeWorld) -> list[str]:
    return [entry["outcome"] for entry in world.status()["history"]]


def kept(world: FakeWorld) -> set[str]:
    """Keys of executions that have a copy."""
    return {name for plural, _, name in world.cluster.objects if plural == CONFIG_MAPS.plural and name != "pipe"}


@pytest.mark.parametrize("keeps_record", [False, True])
async def test_children_go_with_the_executions_that_the_history_no_longer_keeps(keeps_record: bool) -> None:
    world = await started(FakeWorld(keeps_record=keeps_record))
    for months in range(1, 5):
        await apply(world, months, historyLimit=2)
    assert [entry["modelVersion"] for entry in world.status()["history"]] == ["4", "3"]
    assert set(world.pipelines.runs) == set(world.packaging.started) == kept(world) == set(world.pipelines.launched[2:])
    assert [v.number for v in world.registry.model_versions[NAME]] == ["1", "2", "3", "4"]
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED"] * 4


async def test_a_lower_limit_counts_at_once_and_trains_nothing() -> None:
    world = await started(FakeWorld())
    for months in range(1, 4):
        await apply(world, months)
    assert len(outcomes(world)) == 3
    await apply(world, 3, historyLimit=1)
    assert len(outcomes(world)) == 1
    assert list(world.pipelines.runs) == world.pipelines.launched[2:]
    assert len(world.pipelines.launched) == 3


async def test_an_execution_under_way_when_the_spec_changes_is_kept_as_superseded() -> None:
    world = await started(FakeWorld(looks=1000))
    await apply_only(world, 1)
    world.pipelines.looks = 2
    await apply(world, 2)
    assert outcomes(world) == ["Succeeded", "Superseded"]
    assert world.status()["history"][1]["execution"] == world.pipelines.launched[0]


async def apply_only(world: FakeWorld, months: int, **spec: Any) -> None:
    """Applies it, and looks until it is seen running."""
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": str(months)}, **spec))
    for _ in range(5):
        await world.training_runs.reconcile(KEY)


async def test_what_was_never_started_leaves_no_entry() -> None:
    world = await started(FakeWorld(), pipeline={"configMapRef": {"name": "absent"}})
    await world.settle(world.training_runs)
    await apply(world, 1)
    assert outcomes(world) == ["Succeeded"]


async def test_a_superseded_execution_keeps_what_it_cost() -> None:
    world = FakeWorld(looks=1000)
    world.pools = NodePools({"gpu": NodePool("gpu", hourly_cost=Decimal("3.60"))})
    await started(world)
    await apply_only(world, 1)
    world.clock.time = EPOCH.replace(minute=10)
    world.pipelines.show(Phase.RUNNING, uses=(PodUse("gpu", EPOCH),))
    await world.training_runs.reconcile(KEY)
    world.pipelines.looks = 2
    await apply(world, 2)
    assert world.status()["history"][1]["cost"] == "0.6000"


async def test_going_back_to_a_spec_that_was_superseded_does_not_take_its_run_away() -> None:
    world = await started(FakeWorld(looks=1000))
    await apply_only(world, 1, historyLimit=1)
    await apply_only(world, 2, historyLimit=1)
    world.pipelines.looks = 2
    await apply(world, 1, historyLimit=1)
    assert outcomes(world) == ["Succeeded"]
    assert world.status()["history"][0]["execution"] == world.pipelines.launched[0]
    assert set(world.pipelines.runs) == {world.pipelines.launched[0]}


@settings(max_examples=50)
@given(
    limit=st.integers(1, 3),
    specs=st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=6),
    fails=st.lists(st.booleans(), max_size=6),
    before=st.frozensets(st.integers(1, 60), max_size=6),
    after=st.frozensets(st.integers(1, 60), max_size=6),
)
async def test_however_specs_change_and_whenever_it_is_killed_no_more_is_kept_than_the_limit(
    limit: int, specs: list[tuple[int, bool]], fails: list[bool], before: frozenset[int], after: frozenset[int]
) -> None:
    world = FakeWorld(outcomes=tuple(Cause("Error", "no rows") if f else None for f in fails), looks=1000)
    await started(world)
    world.faults.before, world.faults.after = (frozenset(n + world.faults.calls for n in s) for s in (before, after))
    for months, settles in specs:
        world.pipelines.looks = 2 if settles else 1000
        world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": str(months)}, historyLimit=limit))
        await world.settle(world.training_runs) if settles else await glance(world)
    world.pipelines.looks = 2
    await world.settle(world.training_runs)
    history = [entry["execution"] for entry in world.status()["history"]]
    assert len(history) <= limit
    assert world.status()["execution"] == history[0]
    assert len(set(history)) == len(history)
    assert {*world.pipelines.runs, *world.packaging.started, *kept(world)} <= set(history)


async def glance(world: FakeWorld) -> None:
    """A few looks, killed or not."""
    for _ in range(6):
        with suppress(Killed):
            await world.training_runs.reconcile(KEY)
