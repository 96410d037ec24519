"""How many pods serve, on fakes: by hand, by the operator's autoscaler and by another, and none at all."""

from typing import Any

from tests.fakes.world import KEY, FakeWorld, deployment
from tests.unit.reconcilers.serving import (
    PLURAL,
    autoscaler,
    look,
    new_version,
    replicas,
    run,
    served,
    sets,
    started,
)

from millwright.ports import APPS, AUTOSCALERS, DEPLOYMENTS

BOUNDS: dict[str, Any] = {"minReplicas": 2, "maxReplicas": 5}


def scale(world: FakeWorld, number: int) -> None:
    """As `kubectl scale` and autoscalers do."""
    spec = world.cluster.objects[PLURAL, KEY.namespace, KEY.name]["spec"]
    world.cluster.put(DEPLOYMENTS, deployment(**spec | {"replicas": number}))


async def test_scaling_makes_no_new_version_set_and_is_one_write_beside_the_status() -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    (only,) = sets(world)
    before = len(world.cluster.writes)
    scale(world, 3)
    await look(world, 1)
    assert (sets(world), replicas(world, only)) == ([only], 3)
    assert [verb for verb, plural, _ in world.cluster.writes[before:] if plural == APPS.plural] == ["patch"]
    await run(world, 3)
    assert world.status(PLURAL)["readyReplicas"] == 3


async def test_what_serves_is_scaled_while_another_version_rolls_out() -> None:
    world = await started(FakeWorld())
    await run(world, 8)
    old = served(world)
    await new_version(world, "sha256:two")
    await look(world, 1)
    scale(world, 3)
    await look(world, 2)
    assert served(world) == old
    assert [replicas(world, name) for name in sets(world)] == [3, 3]


async def test_an_autoscaler_is_made_and_its_bounds_hold_before_it_has_decided() -> None:
    world = await started(FakeWorld(), autoscaling=BOUNDS)
    await run(world, 10)
    made = autoscaler(world)
    assert made is not None and made["spec"]["scaleTargetRef"]["kind"] == "Deployment"
    assert replicas(world, served(world)) == 2


async def test_a_new_version_comes_up_with_as_many_pods_as_the_autoscaler_wants_now() -> None:
    world = await started(FakeWorld(), autoscaling=BOUNDS)
    await run(world, 10)
    scale(world, 4)
    await run(world, 3)
    old = served(world)
    await new_version(world, "sha256:two")
    await run(world)
    assert served(world) != old and replicas(world, served(world)) == 4
    before = len(world.cluster.writes)
    await run(world, 5)
    assert len(world.cluster.writes) == before


async def test_an_autoscaler_that_is_not_asked_for_any_more_goes_and_the_pods_stay() -> None:
    world = await started(FakeWorld(), autoscaling=BOUNDS)
    await run(world, 10)
    world.cluster.put(DEPLOYMENTS, deployment(replicas=2))
    await run(world, 3)
    assert autoscaler(world) is None
    assert replicas(world, served(world)) == 2


async def test_an_autoscaler_that_somebody_deleted_is_made_again() -> None:
    world = await started(FakeWorld(), autoscaling=BOUNDS)
    await run(world, 10)
    del world.cluster.objects[AUTOSCALERS.plural, KEY.namespace, KEY.name]
    await look(world, 1)
    assert autoscaler(world) is not None


async def test_an_autoscaler_of_the_users_own_is_left_alone() -> None:
    world = await started(FakeWorld())
    metadata = {"name": KEY.name, "namespace": KEY.namespace}
    own = world.cluster.put(AUTOSCALERS, {"metadata": metadata, "spec": {"maxReplicas": 9}})
    await run(world, 10)
    assert autoscaler(world) == own


async def test_scaled_to_zero_it_is_ready_and_not_available_and_comes_back() -> None:
    world = await started(FakeWorld(), autoscaling=BOUNDS)
    await run(world, 10)
    scale(world, 0)
    await run(world, 3)
    assert replicas(world, served(world)) == 0
    assert world.condition("Ready", PLURAL)["reason"] == "ScaledToZero"
    assert world.condition("Available", PLURAL)["status"] == "False"
    scale(world, 1)
    await run(world, 3)
    assert replicas(world, served(world)) == 2
    assert world.condition("Available", PLURAL)["status"] == "True"
