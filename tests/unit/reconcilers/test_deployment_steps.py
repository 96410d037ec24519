"""Roll-outs by steps on fakes: shares that rise, what keeps them, and what takes them back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers import rollouts
from tests.unit.reconcilers.rollouts import (
    CANARY,
    accept,
    backends,
    candidate,
    reason,
    route,
    serving_one,
    share,
    until_share,
    walk,
)
from tests.unit.reconcilers.serving import PLURAL, look, new_version, replicas, run, sets

from millwright.ports import DEPLOYMENTS, HTTP_ROUTES, PODS, SERVICES


def change(world: FakeWorld, **spec: Any) -> None:
    """As `kubectl apply` does."""
    body = world.cluster.objects[DEPLOYMENTS.plural, KEY.namespace, KEY.name]
    body["spec"] |= spec
    body["metadata"]["generation"] += 1


async def test_the_share_rises_step_by_step_until_the_candidate_has_all() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    assert await walk(world) == [0, 10, 50, 0]
    assert world.status(PLURAL)["stable"]["version"] == "2"
    assert list(backends(world).values()) == [100]
    assert sets(world) == [world.status(PLURAL)["stable"]["versionSet"]]


async def test_without_a_gateway_the_numbers_of_pods_make_the_share() -> None:
    world = await serving_one(FakeWorld(), route=None)
    await new_version(world, "sha256:two")
    assert await walk(world) == [0, 1, 0]
    assert world.status(PLURAL)["stable"]["version"] == "2"
    assert (HTTP_ROUTES.plural, KEY.namespace, KEY.name) not in world.cluster.objects


async def test_what_serves_keeps_all_its_pods_until_it_serves_no_more() -> None:
    world = await serving_one(FakeWorld())
    stable = world.status(PLURAL)["stable"]["versionSet"]
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    assert (replicas(world, stable), replicas(world, candidate(world))) == (4, 1)
    await until_share(world, 50)
    assert (replicas(world, stable), replicas(world, candidate(world))) == (4, 2)


async def test_a_newer_version_takes_the_place_of_a_candidate_which_drains() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 50)
    second = candidate(world)
    await new_version(world, "sha256:three")
    await look(world, 1)
    assert candidate(world) != second
    assert share(world) == 0 and second in sets(world)
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "3"
    assert len(sets(world)) == 1


async def test_a_pause_without_a_time_waits_for_approval_of_this_version() -> None:
    steps = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]
    world = await serving_one(FakeWorld(), strategy=CANARY | {"steps": steps})
    await new_version(world, "sha256:two")
    await walk(world)
    assert (share(world), reason(world)) == (10, "AwaitingApproval")
    change(world, rollout={"promote": {"version": "1"}})
    await walk(world, 10)
    assert share(world) == 10
    change(world, rollout={"promote": {"version": "2", "step": 1}})
    await walk(world)
    assert (share(world), reason(world)) == (20, "AwaitingApproval")
    change(world, rollout={"promote": {"version": "2"}})
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_paused_it_stays_where_it_is() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    change(world, rollout={"paused": True})
    await walk(world)
    assert (share(world), reason(world)) == (10, "Paused")
    change(world, rollout={})
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_an_aborted_candidate_leaves_and_what_served_before_comes_back_when_it_serves() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    change(world, rollout={"abort": ["2"]})
    await look(world, 1)
    assert (share(world), reason(world, "Stalled")) == (0, "Aborted")
    change(world, rollout={})
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"
    change(world, rollout={"abort": ["2"]})
    await walk(world, 12)
    assert world.status(PLURAL)["stable"]["version"] == "1"
    assert reason(world, "Stalled") == "Aborted"


async def test_a_server_that_ends_while_it_gets_requests_is_taken_back() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    crash = {"terminated": {"exitCode": 139, "finishedAt": "2026-01-02T00:00:00Z"}}
    pod = world.cluster.objects[PODS.plural, KEY.namespace, f"{candidate(world)}-0"]
    pod["status"] = {"containerStatuses": [{"name": "server", "lastState": crash}]}
    await look(world, 1)
    assert share(world) == 0
    assert world.status(PLURAL)["rejectedVersion"]["verdict"] == "CandidateFailed"


async def test_a_candidate_none_of_whose_pods_answers_gets_no_request_meanwhile() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    world.cluster.objects["deployments", KEY.namespace, candidate(world)]["status"]["availableReplicas"] = 0
    await look(world, 1)
    assert share(world) == 0
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_route_that_was_edited_by_hand_is_put_right() -> None:
    world = await serving_one(FakeWorld())
    body = route(world)
    assert body is not None
    body["spec"]["rules"][0]["backendRefs"][0]["weight"] = 1
    body["spec"]["rules"][0]["timeouts"] = {"request": "1s"}
    await look(world, 1)
    assert list(backends(world).values()) == [100]


async def test_a_route_that_no_gateway_takes_keeps_the_roll_out_and_is_said() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    for _ in range(40):
        accept(world, "False")
        await run(world, 1)
    assert (share(world), reason(world)) == (10, "RouteNotReady")
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_blue_green_candidate_starts_in_full_gets_no_traffic_and_can_be_asked_for() -> None:
    world = await serving_one(FakeWorld(), strategy={"type": "BlueGreen"})
    await new_version(world, "sha256:two")
    await walk(world)
    assert (share(world), reason(world)) == (0, "AwaitingApproval")
    assert replicas(world, candidate(world)) == 4
    body = route(world)
    assert body is not None
    previews = [
        rule["backendRefs"][0]["name"] for rule in body["spec"]["rules"] if rule["backendRefs"][0]["weight"] == 1
    ]
    assert candidate(world) in previews
    change(world, rollout={"promote": {"version": "2"}})
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_shadow_gets_copies_and_no_traffic() -> None:
    world = await serving_one(FakeWorld(), strategy={"type": "Shadow", "steps": [{"mirror": 30}, {"pause": {}}]})
    await new_version(world, "sha256:two")
    await walk(world)
    body = route(world)
    assert body is not None
    mirror = body["spec"]["rules"][0]["filters"][-1]
    assert mirror["requestMirror"]["backendRef"]["name"] == candidate(world)
    assert (mirror["requestMirror"]["percent"], share(world)) == (30, 0)


async def test_steps_that_are_edited_begin_again_with_the_same_pods() -> None:
    world = await serving_one(FakeWorld())
    await new_version(world, "sha256:two")
    await until_share(world, 50)
    before = candidate(world)
    change(world, strategy=CANARY | {"steps": [{"setWeight": 20}, {"pause": {}}]})
    await walk(world)
    assert (candidate(world), share(world)) == (before, 20)


async def test_the_first_version_of_all_needs_no_steps() -> None:
    world = await serving_one(FakeWorld())
    assert world.status(PLURAL)["history"][0]["version"] == "1"
    service = world.cluster.objects[SERVICES.plural, KEY.namespace, KEY.name]
    assert service["spec"]["selector"] != {"millwright.dev/deployment": KEY.name}


calls = st.frozensets(st.integers(1, 80), max_size=6)


@settings(max_examples=15)
@given(calls, calls, st.sampled_from([rollouts.ROUTE, None]))
async def test_killed_anywhere_it_ends_the_same_and_nobody_without_pods_gets_requests(
    before: frozenset[int], after: frozenset[int], gateway: dict[str, Any] | None
) -> None:
    world = await serving_one(FakeWorld(), route=gateway)
    await new_version(world, "sha256:two")
    world.faults.before = frozenset(world.faults.calls + kill for kill in before)
    world.faults.after = frozenset(world.faults.calls + kill for kill in after)
    for _ in range(110):
        await walk(world, 1)
        for name in backends(world) if gateway else ():
            assert replicas(world, name) > 0
    assert world.status(PLURAL)["stable"]["version"] == "2"
    assert len(sets(world)) == 1


@pytest.mark.parametrize("times", [1, 5, 20])
async def test_looks_that_change_nothing_write_nothing(times: int) -> None:
    world = await serving_one(FakeWorld(), strategy=CANARY | {"steps": [{"setWeight": 10}, {"pause": {}}]})
    await new_version(world, "sha256:two")
    await walk(world)
    before = len(world.cluster.writes)
    await walk(world, times)
    assert len(world.cluster.writes) == before


async def test_pods_that_a_gateway_may_still_send_requests_to_stay_until_it_takes_the_route() -> None:
    world = await serving_one(FakeWorld())
    before = world.status(PLURAL)["stable"]["versionSet"]
    await new_version(world, "sha256:two")
    await until_share(world, 50)
    while world.status(PLURAL)["stable"]["version"] == "1":
        await walk(world, 1)
    await run(world, 40)  # the Gateway is silent
    assert before in sets(world)
    await walk(world)
    assert before not in sets(world)
