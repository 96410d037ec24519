"""Recreate on fakes: no two versions hold a node at once, and what fails is undone."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import FakeWorld
from tests.unit.reconcilers.serving import BROKEN, PLURAL, new_version, pods, replicas, run, served, sets, started

RECREATE = {"type": "Recreate"}


async def test_the_old_pods_are_gone_before_the_new_ones_are_asked_for() -> None:
    world = await started(FakeWorld(), strategy=RECREATE, replicas=2)
    await run(world, 8)
    old = served(world)
    await new_version(world, "sha256:two")
    await run(world, 2)
    ready, available = world.condition("Ready", PLURAL), world.condition("Available", PLURAL)
    assert (sets(world), replicas(world, old)) == ([old], 0)
    assert (ready["status"], ready["reason"], available["status"]) == ("Unknown", "Recreating", "False")
    assert ready["message"] == "version 2 starts when the 2 pods before it are gone; nothing answers until it does"
    await run(world)
    assert sets(world) == [served(world)] != [old]
    assert world.condition("Ready", PLURAL)["reason"] == "Serving"
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_version_that_never_answers_is_undone_by_starting_the_last_known_good_again() -> None:
    world = await started(FakeWorld(), strategy=RECREATE, replicas=2, progressDeadlineSeconds=10)
    await run(world, 8)
    old = served(world)
    await new_version(world, BROKEN)
    while "rejectedVersion" not in world.status(PLURAL):
        await run(world, 1)
    assert "DigestMismatch" in world.condition("Ready", PLURAL)["message"]
    assert "; version 1 is started again; " in world.condition("Ready", PLURAL)["message"]
    assert world.condition("Available", PLURAL)["status"] == "False"
    await run(world, 10)
    assert (served(world), sets(world), replicas(world, old)) == (old, [old], 2)
    assert world.condition("Stalled", PLURAL)["status"] == "True"
    assert world.condition("Available", PLURAL)["status"] == "True"
    assert "; version 1 goes on serving; " in world.condition("Ready", PLURAL)["message"]


async def test_going_back_while_the_new_version_starts_starts_the_old_one_again() -> None:
    world = await started(FakeWorld(), strategy=RECREATE)
    await run(world, 8)
    old = served(world)
    await new_version(world, BROKEN)
    await run(world, 5)
    assert len(sets(world)) == 2 and replicas(world, old) == 0
    world.registry.model_versions["flights.arr-delay"].pop()
    await world.settle(world.models)
    await run(world)
    assert (sets(world), replicas(world, old)) == ([old], 1)
    assert world.condition("Ready", PLURAL)["reason"] == "Serving"


FAULTS = st.frozensets(st.integers(1, 20), max_size=5)


async def killed(digest: str, before: frozenset[int], after: frozenset[int]) -> tuple[FakeWorld, int]:
    """A world after a roll-out with crashes, and of how many version sets there were pods at once."""
    world = await started(FakeWorld(), strategy=RECREATE, progressDeadlineSeconds=10)
    await run(world, 8)
    await new_version(world, digest)
    world.faults.calls = 0
    world.faults.before, world.faults.after = before, after
    most = 0
    for _ in range(40):
        await run(world, 1)
        most = max(most, len(pods(world)))
    return world, most


@settings(max_examples=30)
@given(before=FAULTS, after=FAULTS)
async def test_killed_at_any_write_it_ends_with_the_new_version_and_never_had_pods_of_two(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world, most = await killed("sha256:two", before, after)
    assert most == 1
    assert sets(world) == [served(world)] and replicas(world, served(world)) == 1
    assert world.status(PLURAL)["stable"]["version"] == "2"


@settings(max_examples=30)
@given(before=FAULTS, after=FAULTS)
async def test_killed_at_any_write_it_ends_with_the_old_version_where_the_new_one_never_answers(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world, _ = await killed(BROKEN, before, after)
    assert sets(world) == [served(world)] and replicas(world, served(world)) == 1
    assert world.status(PLURAL)["stable"]["version"] == "1"
    assert world.condition("Stalled", PLURAL)["reason"] == "ProgressDeadlineExceeded"
