"""The Deployment line on fakes: roll-outs, switches, and versions that never answer."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.world import KEY, FakeWorld, deployment, model

from millwright.core.execution import Package
from millwright.core.version_set import VERSION_SET_LABEL
from millwright.ports import APPS, DEPLOYMENTS, MODELS, SERVICES

NAME = "flights.arr-delay"
PLURAL = DEPLOYMENTS.plural


async def new_version(world: FakeWorld, digest: str) -> None:
    package = Package(f"s3://models/{digest}", digest, "onnx")
    tags = {"millwright.gates": "Passed", "millwright.digest": digest, "millwright.package": package.uri}
    await world.registry.register(NAME, "run-1", package, tags)
    await world.settle(world.models)


async def started(world: FakeWorld, **spec: Any) -> FakeWorld:
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    await new_version(world, "sha256:one")
    world.cluster.put(DEPLOYMENTS, deployment(**spec))
    return world


def sets(world: FakeWorld) -> list[str]:
    return [name for plural, _, name in world.cluster.objects if plural == APPS.plural]


def all_answer(world: FakeWorld) -> None:
    """As kubelet and the Deployment controller do."""
    for (plural, _, _), body in world.cluster.objects.items():
        if plural == APPS.plural:
            ready = {"availableReplicas": body["spec"]["replicas"]}
            body["status"] = {"observedGeneration": body["metadata"]["generation"]} | ready


def served(world: FakeWorld) -> str:
    service = world.cluster.objects[SERVICES.plural, KEY.namespace, KEY.name]
    return str(service["spec"]["selector"][VERSION_SET_LABEL])


async def look(world: FakeWorld, times: int) -> None:
    for _ in range(times):
        await world.deployments.reconcile(KEY)


async def test_traffic_goes_to_a_version_only_when_all_its_pods_answer() -> None:
    world = await started(FakeWorld(), replicas=2)
    await look(world, 3)
    assert (SERVICES.plural, KEY.namespace, KEY.name) not in world.cluster.objects
    assert world.condition("Ready", PLURAL)["status"] == "Unknown"
    all_answer(world)
    await look(world, 3)
    assert served(world) == sets(world)[0]
    assert world.condition("Ready", PLURAL)["status"] == "True"
    assert world.status(PLURAL)["stable"]["version"] == "1"


async def test_the_old_version_leaves_only_after_the_switch_and_a_while() -> None:
    world = await started(FakeWorld())
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    await new_version(world, "sha256:two")
    await look(world, 1)
    assert len(sets(world)) == 2
    assert world.status(PLURAL)["candidate"]["version"] == "2"
    assert world.condition("Available", PLURAL)["status"] == "True"
    all_answer(world)
    await look(world, 2)
    assert len(sets(world)) == 2
    await look(world, 10)
    assert sets(world) == [served(world)]
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_version_that_never_answers_is_given_up_and_the_old_one_stays() -> None:
    world = await started(FakeWorld(), progressDeadlineSeconds=10)
    await look(world, 1)
    all_answer(world)
    await look(world, 2)
    stable = served(world)
    await new_version(world, "sha256:broken")
    await look(world, 20)
    assert served(world) == stable
    assert sets(world) == [stable]
    assert world.condition("Stalled", PLURAL)["reason"] == "ProgressDeadlineExceeded"
    assert world.status(PLURAL)["rejected"]["version"] == "2"


async def test_pods_that_stop_answering_make_it_not_ready() -> None:
    world = await started(FakeWorld())
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    world.cluster.objects[APPS.plural, KEY.namespace, sets(world)[0]]["status"]["availableReplicas"] = 0
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["status"] == "False"
    assert world.condition("Available", PLURAL)["reason"] == "PodsNotReady"


async def test_scaling_makes_no_new_version_set() -> None:
    world = await started(FakeWorld())
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    world.cluster.put(DEPLOYMENTS, deployment(replicas=3))
    await look(world, 2)
    (only,) = sets(world)
    assert world.cluster.objects[APPS.plural, KEY.namespace, only]["spec"]["replicas"] == 3


def replicas(world: FakeWorld, name: str) -> int:
    return int(world.cluster.objects[APPS.plural, KEY.namespace, name]["spec"]["replicas"])


async def test_what_serves_is_scaled_while_another_version_rolls_out() -> None:
    world = await started(FakeWorld())
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    old = served(world)
    await new_version(world, "sha256:two")
    await look(world, 1)
    world.cluster.put(DEPLOYMENTS, deployment(replicas=3))
    await look(world, 2)
    assert served(world) == old
    assert [replicas(world, name) for name in sets(world)] == [3, 3]


async def test_a_version_that_is_written_down_waits_for_its_approval() -> None:
    world = await started(FakeWorld(), model={"name": KEY.name, "version": "1"})
    world.cluster.put(MODELS, model(approval={"policy": "Manual"}))
    await look(world, 2)
    assert sets(world) == []
    assert world.condition("Ready", PLURAL)["reason"] == "NotApproved"
    world.cluster.put(MODELS, model(approval={"policy": "Manual", "approvedVersions": ["1"]}))
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    assert world.status(PLURAL)["stable"]["version"] == "1"


async def test_a_version_whose_approval_is_taken_back_goes_on_serving() -> None:
    world = await started(FakeWorld(), model={"name": KEY.name, "version": "1"})
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    stable = served(world)
    world.cluster.put(MODELS, model(approval={"policy": "Manual"}))
    await look(world, 5)
    assert served(world) == stable and sets(world) == [stable]
    assert world.condition("Ready", PLURAL)["reason"] == "NotApproved"


async def test_what_is_missing_is_waited_for_with_a_reason() -> None:
    world = FakeWorld()
    world.cluster.put(DEPLOYMENTS, deployment())
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["reason"] == "ModelNotFound"
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["reason"] == "AliasNotSet"


async def test_a_converged_deployment_costs_no_write() -> None:
    world = await started(FakeWorld())
    await look(world, 1)
    all_answer(world)
    await look(world, 12)
    before = len(world.cluster.writes)
    await look(world, 3)
    assert len(world.cluster.writes) == before


def services(world: FakeWorld) -> list[str]:
    return [name for plural, _, name in world.cluster.objects if plural == SERVICES.plural]


async def test_services_that_somebody_deletes_are_made_again() -> None:
    world = await started(FakeWorld())
    await look(world, 1)
    all_answer(world)
    await look(world, 3)
    before = services(world)
    for name in before:
        del world.cluster.objects[SERVICES.plural, KEY.namespace, name]
    await look(world, 2)
    assert sorted(services(world)) == sorted(before) == sorted([KEY.name, *sets(world)])


async def look_through_crashes(world: FakeWorld) -> None:
    for _ in range(30):
        all_answer(world)
        with suppress(Killed):
            await world.deployments.reconcile(KEY)


@settings(deadline=None, max_examples=60)
@given(before=st.frozensets(st.integers(1, 20), max_size=5), after=st.frozensets(st.integers(1, 20), max_size=5))
async def test_killed_at_any_write_it_ends_with_the_new_version_alone(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world = await started(FakeWorld())
    world.faults.calls = 0
    world.faults.before, world.faults.after = before, after
    await look_through_crashes(world)
    world.faults.before = world.faults.after = frozenset()
    await new_version(world, "sha256:two")
    world.faults.calls = 0
    world.faults.before, world.faults.after = before, after
    await look_through_crashes(world)
    assert sets(world) == [served(world)]
    assert world.status(PLURAL)["stable"]["version"] == "2"
    assert sorted(services(world)) == sorted([KEY.name, *sets(world)])
