"""Roll-outs on fakes, on nodes that have no room for both versions: what waits, what leaves for what, what is told."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers import experiments, rollouts
from tests.unit.reconcilers.rollouts import CANARY, accept, candidate, reason, serving_one, share
from tests.unit.reconcilers.serving import BROKEN, PLURAL, new_version, replicas, run, sets
from tests.unit.reconcilers.test_deployment_steps import change

from millwright.ports import APPS, DEPLOYMENTS, EVENTS, SERVICES

ROLLING = {"type": "RollingUpdate"}


def rolling(missing: int | str) -> dict[str, Any]:
    return {"type": "RollingUpdate", "maxUnavailable": missing}


async def full(pods: int, room: int | None = None, **spec: Any) -> FakeWorld:
    """Version 1 serves with so many pods, on nodes that have room for no more, and version 2 is there."""
    world = FakeWorld(room=pods if room is None else room)
    await serving_one(world, **({"replicas": pods, "strategy": ROLLING, "route": None} | spec))
    await new_version(world, "sha256:two")
    return world


async def looks(world: FakeWorld, times: int = 90) -> int:
    """Looks so often. The fewest pods that answered for it meanwhile."""
    fewest = int(world.status(PLURAL)["readyReplicas"])
    for _ in range(times):
        accept(world)
        await run(world, 1)
        fewest = min(fewest, answering(world))
    return fewest


def answering(world: FakeWorld) -> int:
    """Pods that clients reach."""
    status = world.status(PLURAL)
    return sum(ready(world, name) for name in {status["stable"]["versionSet"], *given_traffic(world)})


def given_traffic(world: FakeWorld) -> list[str]:
    """The candidate, where it gets requests."""
    there = world.status(PLURAL).get("candidate", {})
    return [there["versionSet"]] if there.get("weight") else []


def ready(world: FakeWorld, name: str) -> int:
    body = world.cluster.objects.get((APPS.plural, KEY.namespace, name), {})
    return int(body.get("status", {}).get("availableReplicas", 0))


def stable(world: FakeWorld) -> str:
    return str(world.status(PLURAL)["stable"]["version"])


def is_done(world: FakeWorld, version: str = "2") -> bool:
    return (stable(world), reason(world), len(sets(world))) == (version, "Serving", 1)


async def test_pods_leave_for_those_of_the_next_version_and_a_quarter_at_most_is_missing() -> None:
    world = await full(4)
    assert await looks(world) == 3
    assert is_done(world)
    told = [body["reason"] for (plural, _, _), body in world.cluster.objects.items() if plural == EVENTS.plural]
    assert "Unschedulable" in told and "PodsNotReady" not in told


async def test_both_versions_get_requests_meanwhile_as_they_have_pods() -> None:
    for route in (None, rollouts.ROUTE):
        world = await full(4, route=route)
        shares: list[int] = []
        selectors = set()
        for _ in range(90):
            await looks(world, 1)
            shares += [share(world)] if share(world) not in shares else []
            selectors.add(world.status(PLURAL)["selector"])
        assert is_done(world)
        assert shares == ([0, 33, 66] if route else [0, 1])
        assert f"millwright.dev/deployment={KEY.name}" in selectors


async def test_where_no_pod_may_be_missing_it_waits_says_so_and_goes_on_when_there_is_room() -> None:
    world = await full(1, progressDeadlineSeconds=30)
    await looks(world, 15)
    said = world.condition("Ready", PLURAL)
    assert (said["status"], said["reason"]) == ("Unknown", "Unschedulable")
    assert "version 2: 0 of 1 pods answer: Unschedulable: 0/2 nodes are available: 1 Insufficient" in said["message"]
    assert said["message"].endswith(
        "; it goes on when there is room, or when strategy.maxUnavailable lets pods of version 1 go first"
    )
    assert await looks(world) == 1
    assert (reason(world, "Stalled"), reason(world, "Progressing")) == ("Unschedulable", "Unschedulable")
    assert world.condition("Available", PLURAL)["status"] == "True"
    assert "rejectedVersion" not in world.status(PLURAL)
    before = len(world.cluster.writes)
    await looks(world, 5)
    assert len(world.cluster.writes) == before
    world.room = 2
    assert await looks(world) == 1
    assert is_done(world)


async def test_what_waits_goes_on_when_pods_are_allowed_to_be_missing() -> None:
    world = await full(2, progressDeadlineSeconds=30)
    assert await looks(world) == 2
    assert reason(world, "Stalled") == "Unschedulable"
    change(world, strategy=rolling(1))
    assert await looks(world) == 1
    assert is_done(world)


@pytest.mark.parametrize("missing", [1, "100%"])
async def test_a_single_pod_leaves_only_where_that_is_asked_for_and_nothing_answers_then(missing: int | str) -> None:
    world = await full(1, strategy=rolling(missing))
    assert await looks(world) == 0
    assert is_done(world)


async def test_a_version_that_fails_on_full_nodes_is_rejected_and_all_pods_come_back() -> None:
    world = FakeWorld(room=4)
    await serving_one(world, replicas=4, strategy=ROLLING, route=None, progressDeadlineSeconds=30)
    await new_version(world, BROKEN)
    await looks(world)
    rejected = world.status(PLURAL)["rejectedVersion"]
    assert (rejected["verdict"], rejected["reason"]) == ("ProgressDeadlineExceeded", "DigestMismatch")
    assert (ready(world, world.status(PLURAL)["stable"]["versionSet"]), len(sets(world))) == (4, 1)


async def test_pods_that_left_in_vain_come_back() -> None:
    world = await full(4, progressDeadlineSeconds=30)
    old = world.status(PLURAL)["stable"]["versionSet"]
    while replicas(world, old) == 4:
        await looks(world, 1)
    world.room = 3  # somebody else was faster
    await looks(world)
    assert (replicas(world, old), reason(world, "Stalled")) == (4, "Unschedulable")
    world.room = 5
    await looks(world)
    assert is_done(world)


async def test_recreate_that_lost_its_room_serves_what_served_before_and_is_not_rejected() -> None:
    world = await full(2, strategy={"type": "Recreate"}, progressDeadlineSeconds=30)
    old = world.status(PLURAL)["stable"]["versionSet"]
    while replicas(world, old):
        await looks(world, 1)
    world.room = 0
    await looks(world)
    assert (replicas(world, old), reason(world, "Stalled")) == (2, "Unschedulable")
    assert "rejectedVersion" not in world.status(PLURAL)
    world.room = 2
    await looks(world)
    assert is_done(world)


async def test_the_first_version_serves_with_the_pods_that_there_is_room_for() -> None:
    world = FakeWorld(room=1)
    with pytest.raises(KeyError):
        await serving_one(world, replicas=2, strategy=ROLLING, route=None, progressDeadlineSeconds=30)
    for _ in range(60):
        await run(world, 1)
    assert stable(world) == "1"
    assert (world.condition("Available", PLURAL)["status"], reason(world)) == ("True", "PodsNotReady")


async def test_blue_green_waits_for_room_for_both() -> None:
    world = await full(4, strategy={"type": "BlueGreen"}, progressDeadlineSeconds=30)
    assert await looks(world) == 4
    assert reason(world, "Stalled") == "Unschedulable"
    assert world.condition("Ready", PLURAL)["message"].endswith("; it goes on when there is room")
    world.room = 8
    await looks(world)
    assert reason(world) == "AwaitingApproval"


@pytest.mark.parametrize("route", [rollouts.ROUTE, None])
async def test_a_canary_takes_the_place_of_pods_where_some_may_be_missing(route: dict[str, Any] | None) -> None:
    world = await full(4, strategy=CANARY, route=route)
    assert await looks(world) == 4
    assert reason(world) == "Unschedulable"
    change(world, strategy=CANARY | {"maxUnavailable": 1})
    old, seen = world.status(PLURAL)["stable"]["versionSet"], set()
    for _ in range(200):
        await looks(world, 1)
        if share(world):
            seen.add((share(world), replicas(world, old), replicas(world, candidate(world))))
    assert is_done(world)
    assert {(10, 3, 1), (50, 2, 2)} <= seen if route else {(1, 3, 1), (1, 2, 2)} <= seen


async def test_pods_stay_while_the_gateway_does_not_take_the_route() -> None:
    world = await full(4, route=rollouts.ROUTE)
    while not share(world):
        await looks(world, 1)
    old = world.status(PLURAL)["stable"]["versionSet"]
    before = replicas(world, old)
    for _ in range(60):
        accept(world, "False")
        await run(world, 1)
    assert replicas(world, old) == before > 1
    assert world.condition("Ready", PLURAL)["message"].endswith("; the Gateway says Told: ")
    await looks(world)
    assert is_done(world)


async def test_a_newer_version_takes_the_place_of_one_for_which_pods_have_left() -> None:
    world = await full(4)
    while share(world) == 0:
        await looks(world, 1)
    await new_version(world, "sha256:three")
    await looks(world)
    assert is_done(world, "3")


async def test_an_arm_that_finds_no_room_waits_for_it_and_does_not_fail() -> None:
    world = FakeWorld(room=4)
    await experiments.begun(world, experiments.experiment(experiments.arm("2", 50)), progressDeadlineSeconds=30)
    assert await looks(world, 60) == 4
    (arm,) = world.status(PLURAL)["experiment"]["arms"]
    assert (arm["verdict"], arm["weight"], reason(world)) == ("Undecided", 0, "Unschedulable")
    assert "arm 2: 0 of 2 pods answer: Unschedulable" in world.condition("Ready", PLURAL)["message"]
    world.room = 6
    await looks(world, 20)
    assert (experiments.weights(world), reason(world)) == ({"1": 50, "2": 50}, "Experimenting")


calls = st.frozensets(st.integers(1, 60), max_size=6)


@settings(max_examples=20)
@given(
    before=calls,
    after=calls,
    pods=st.integers(1, 4),
    missing=st.integers(1, 2),
    more=st.integers(0, 5),
    kind=st.sampled_from(["RollingUpdate", "Canary"]),
    route=st.sampled_from([None, rollouts.ROUTE]),
)
async def test_killed_anywhere_with_any_room_it_ends_with_the_new_version_and_never_has_fewer_pods(
    before: frozenset[int],
    after: frozenset[int],
    pods: int,
    missing: int,
    more: int,
    kind: str,
    route: dict[str, Any] | None,
) -> None:
    world = FakeWorld(room=pods + more)
    strategy = {"type": kind, "maxUnavailable": missing}
    await serving_one(world, replicas=pods, strategy=strategy, route=route)
    await new_version(world, "sha256:two")
    world.faults.before = frozenset(world.faults.calls + kill for kill in before)
    world.faults.after = frozenset(world.faults.calls + kill for kill in after)
    assert await looks(world, 260) >= pods - missing
    waits = kind == "Canary" and (pods, more) == (1, 0)
    assert reason(world) == "Unschedulable" if waits else is_done(world)
    assert "rejectedVersion" not in world.status(PLURAL)
    assert world.cluster.objects[SERVICES.plural, KEY.namespace, KEY.name]["spec"]["selector"]
    assert world.cluster.objects[DEPLOYMENTS.plural, KEY.namespace, KEY.name]["spec"]["replicas"] == pods
