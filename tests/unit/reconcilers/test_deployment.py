"""The Deployment line on fakes: roll-outs, switches, and versions that never answer."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import KEY, FakeWorld, deployment, model
from tests.unit.reconcilers.serving import BROKEN, PLURAL, look, new_version, replicas, run, run_pods, served, sets
from tests.unit.reconcilers.serving import started as started

from millwright.ports import APPS, DEPLOYMENTS, MODELS, SERVICES


async def test_traffic_goes_to_a_version_only_when_all_its_pods_answer() -> None:
    world = await started(FakeWorld(), replicas=2)
    await look(world, 3)
    assert (SERVICES.plural, KEY.namespace, KEY.name) not in world.cluster.objects
    assert world.condition("Ready", PLURAL)["status"] == "Unknown"
    run_pods(world)
    await look(world, 3)
    assert served(world) == sets(world)[0]
    assert world.condition("Ready", PLURAL)["status"] == "True"
    assert world.status(PLURAL)["stable"]["version"] == "1"


async def test_the_old_version_leaves_only_after_the_switch_and_a_while() -> None:
    world = await started(FakeWorld())
    await run(world, 5)
    await new_version(world, "sha256:two")
    await look(world, 1)
    assert len(sets(world)) == 2
    assert world.status(PLURAL)["candidate"]["version"] == "2"
    assert world.condition("Available", PLURAL)["status"] == "True"
    run_pods(world)
    await look(world, 2)
    assert len(sets(world)) == 2
    await look(world, 10)
    assert sets(world) == [served(world)]
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_version_that_never_answers_is_given_up_and_the_old_one_stays() -> None:
    world = await started(FakeWorld(), progressDeadlineSeconds=10)
    await run(world, 8)
    stable = served(world)
    await new_version(world, BROKEN)
    await run(world)
    assert served(world) == stable
    assert sets(world) == [stable]
    assert world.condition("Stalled", PLURAL)["reason"] == "ProgressDeadlineExceeded"
    status = world.status(PLURAL)
    assert (status["rejectedVersion"]["version"], status["rejectedVersion"]["reason"]) == ("2", "DigestMismatch")
    assert status["lastKnownGood"]["version"] == "1"


async def test_what_was_given_up_is_not_tried_again_and_costs_no_write_until_something_changes() -> None:
    world = await started(FakeWorld(), progressDeadlineSeconds=10)
    await run(world, 8)
    await new_version(world, BROKEN)
    await run(world)
    before = len(world.cluster.writes)
    await run(world)
    assert len(world.cluster.writes) == before
    await new_version(world, "sha256:three")
    await run(world)
    assert world.status(PLURAL)["stable"]["version"] == "3"
    assert "rejectedVersion" not in world.status(PLURAL)


async def test_pods_that_stop_answering_make_it_not_ready() -> None:
    world = await started(FakeWorld())
    await run(world, 5)
    world.cluster.objects[APPS.plural, KEY.namespace, sets(world)[0]]["status"]["availableReplicas"] = 0
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["status"] == "False"
    assert world.condition("Available", PLURAL)["reason"] == "PodsNotReady"


async def test_what_somebody_deleted_is_made_again() -> None:
    world = await started(FakeWorld())
    await run(world, 8)
    name = served(world)
    for plural in (APPS.plural, SERVICES.plural):
        del world.cluster.objects[plural, KEY.namespace, name]
    del world.cluster.objects[SERVICES.plural, KEY.namespace, KEY.name]
    await run(world, 5)
    assert served(world) == name and sets(world) == [name]
    assert world.condition("Ready", PLURAL)["status"] == "True"


async def test_what_somebody_deleted_is_made_again_while_a_later_version_is_rejected() -> None:
    world = await started(FakeWorld(), progressDeadlineSeconds=10)
    await run(world, 8)
    await new_version(world, BROKEN)
    await run(world)
    stable = served(world)
    del world.cluster.objects[APPS.plural, KEY.namespace, stable]
    await run(world, 3)
    assert sets(world) == [stable]
    assert world.condition("Available", PLURAL)["status"] == "True"
    assert world.status(PLURAL)["rejectedVersion"]["version"] == "2"


async def test_a_version_that_is_written_down_waits_for_its_approval() -> None:
    world = await started(FakeWorld(), model={"name": KEY.name, "version": "1"})
    world.cluster.put(MODELS, model(approval={"policy": "Manual"}))
    await look(world, 2)
    assert sets(world) == []
    assert world.condition("Ready", PLURAL)["reason"] == "NotApproved"
    world.cluster.put(MODELS, model(approval={"policy": "Manual", "approvedVersions": ["1"]}))
    await run(world, 8)
    assert world.status(PLURAL)["stable"]["version"] == "1"


async def test_a_version_whose_approval_is_taken_back_goes_on_serving() -> None:
    world = await started(FakeWorld(), model={"name": KEY.name, "version": "1"})
    await run(world, 8)
    stable = served(world)
    world.cluster.put(MODELS, model(approval={"policy": "Manual"}))
    await run(world, 5)
    assert served(world) == stable and sets(world) == [stable]
    assert world.condition("Ready", PLURAL)["reason"] == "NotApproved"


async def test_what_is_missing_is_waited_for_with_a_reason() -> None:
    world = FakeWorld()
    world.cluster.put(DEPLOYMENTS, deployment(model={"name": KEY.name, "version": "1"}))
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["reason"] == "ModelNotFound"
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["reason"] == "VersionNotFound"
    world.cluster.put(DEPLOYMENTS, deployment())
    await look(world, 1)
    assert world.condition("Ready", PLURAL)["reason"] == "AliasNotSet"
    await new_version(world, "sha256:one")
    await run(world)
    assert world.condition("Ready", PLURAL)["reason"] == "Serving"


async def test_an_alias_that_points_nowhere_any_more_leaves_what_serves() -> None:
    world = await started(FakeWorld(), model={"name": KEY.name, "alias": "prod"})
    world.cluster.put(MODELS, model(aliases={"prod": "Latest"}))
    await world.settle(world.models)
    await run(world, 8)
    stable = served(world)
    world.cluster.put(MODELS, model(aliases={}))
    await world.settle(world.models)
    await run(world, 5)
    ready = world.condition("Ready", PLURAL)
    assert (served(world), sets(world)) == (stable, [stable])
    assert ready["message"] == "alias prod of Model arr-delay points to no version yet; version 1 goes on serving"


async def test_a_converged_deployment_costs_no_write() -> None:
    world = await started(FakeWorld(), replicas=2, autoscaling={"maxReplicas": 3})
    await run(world, 12)
    before = len(world.cluster.writes)
    await run(world, 3)
    assert len(world.cluster.writes) == before


def services(world: FakeWorld) -> list[str]:
    return [name for plural, _, name in world.cluster.objects if plural == SERVICES.plural]


async def test_services_that_somebody_deletes_are_made_again() -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    before = services(world)
    for name in before:
        del world.cluster.objects[SERVICES.plural, KEY.namespace, name]
    await run(world, 2)
    assert sorted(services(world)) == sorted(before) == sorted([KEY.name, *sets(world)])


@settings(max_examples=60)
@given(before=st.frozensets(st.integers(1, 20), max_size=5), after=st.frozensets(st.integers(1, 20), max_size=5))
async def test_killed_at_any_write_it_ends_with_the_new_version_alone(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world = await started(FakeWorld())
    world.faults.calls = 0
    world.faults.before, world.faults.after = before, after
    await run(world)
    world.faults.before = world.faults.after = frozenset()
    await new_version(world, "sha256:two")
    world.faults.calls = 0
    world.faults.before, world.faults.after = before, after
    await run(world)
    assert sets(world) == [served(world)]
    assert replicas(world, served(world)) == 1
    assert world.status(PLURAL)["stable"]["version"] == "2"
    assert sorted(services(world)) == sorted([KEY.name, *sets(world)])
