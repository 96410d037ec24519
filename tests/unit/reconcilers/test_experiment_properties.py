"""Experiments on fakes: killed anywhere, and whatever happens, requests go to versions with pods."""

from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers.experiments import (
    COOKIE,
    arm,
    begun,
    change,
    clients,
    experiment,
    verdicts,
    weights,
    with_versions,
)
from tests.unit.reconcilers.rollouts import backends, reason, walk
from tests.unit.reconcilers.serving import PLURAL, new_version, replicas, sets

calls = st.frozensets(st.integers(1, 60), max_size=6)


@settings(max_examples=15)
@given(calls, calls, st.sampled_from(["Hold", "Promote"]))
async def test_killed_anywhere_it_finds_the_same_and_nobody_without_pods_gets_requests(
    before: frozenset[int], after: frozenset[int], when_decided: str
) -> None:
    world = await with_versions(FakeWorld())
    world.faults.before = frozenset(world.faults.calls + kill for kill in before)
    world.faults.after = frozenset(world.faults.calls + kill for kill in after)
    change(world, strategy=experiment(whenDecided=when_decided, assignment=COOKIE))
    await walk(world, 20)
    clients(world, v1=30.0, v2=60.0, v3=10.0)
    began = world.clock.time
    for _ in range(60):
        await walk(world, 1)
        for name, weight in backends(world).items():
            assert weight == 0 or replicas(world, name) > 0
        for found in world.status(PLURAL)["experiment"]["arms"]:
            assert found["samples"] <= 100 * (world.clock.time - began).total_seconds()
    assert verdicts(world) == {"2": "Better", "3": "Worse"}
    assert weights(world) == ({"1": 80, "2": 20} if when_decided == "Hold" else {"1": 0, "2": 100})
    assert len(sets(world)) == 2


BANDIT = {"algorithm": "thompson", "minWeight": 5, "maxWeight": 60}
ARMS = ({"alias": "champion", "weight": 30}, arm("2", 30))
# What may happen while an experiment is under way.
EVENTS: dict[str, Callable[[FakeWorld], Awaitable[object] | None]] = {
    "Prometheus goes": lambda world: setattr(world.measurements, "is_down", True),
    "Prometheus comes": lambda world: setattr(world.measurements, "is_down", False),
    "it is paused": lambda world: change(world, rollout={"paused": True}),
    "an arm is aborted": lambda world: change(world, rollout={"abort": ["2"]}),
    "it goes on": lambda world: change(world, rollout={}),
    "an arm's alias moves": lambda world: new_version(world, f"sha256:{world.clock.time}"),
    "nobody is to be served": lambda world: change(world, replicas=0),
    "all are": lambda world: change(world, replicas=4),
    "the control is another version": lambda world: change(world, model={"name": KEY.name, "version": "2"}),
    "it is fixed": lambda world: change(world, strategy=experiment(*ARMS, whenDecided="Promote")),
    "it is a bandit": lambda world: change(world, strategy=experiment(*ARMS, whenDecided="Promote", bandit=BANDIT)),
    "there is none": lambda world: change(world, strategy={"type": "RollingUpdate"}),
    "clients like version 2": lambda world: clients(world, v1=30.0, v2=60.0, v3=30.0),
    "clients like version 3": lambda world: clients(world, v1=30.0, v2=10.0, v3=60.0),
}


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from([*EVENTS]), st.integers(1, 8)), max_size=12))
async def test_whatever_happens_all_requests_go_to_somebody_with_pods(events: list[tuple[str, int]]) -> None:
    world = await begun(FakeWorld(), experiment(*ARMS, bandit=BANDIT, whenDecided="Promote"))
    for event, looks in events:
        happening = EVENTS[event](world)
        if happening is not None:
            await happening
        for _ in range(looks):
            await walk(world, 1)
            found = backends(world)
            assert sum(found.values()) == 100 and min(found.values()) >= 0, found
            assert all(name in sets(world) for name in found)
    change(world, strategy={"type": "RollingUpdate"}, rollout={}, replicas=4)
    await walk(world, 30)
    assert (reason(world), len(sets(world)), len(backends(world))) == ("Serving", 1, 1)
