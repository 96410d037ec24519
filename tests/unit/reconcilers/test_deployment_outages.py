"""What serves goes on serving, on fakes: without MLflow, without its Model, without its node pool."""

from collections.abc import Sequence

import pytest
from tests.fakes.world import KEY, FakeWorld, deployment
from tests.unit.reconcilers.serving import BROKEN, NAME, PLURAL, look, new_version, replicas, run, served, sets, started

from millwright.core.node_pools import NodePool, NodePools
from millwright.core.registry import RegisteredVersion
from millwright.ports import APPS, DEPLOYMENTS, MODELS, DependencyError


class Asked:
    """Counts what the registry is asked for its versions; while it is `down` it does not answer."""

    def __init__(self, world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.down = False
        self._versions = world.registry.versions
        monkeypatch.setattr(world.registry, "versions", self.versions)

    async def versions(self, name: str) -> Sequence[RegisteredVersion]:
        self.times += 1
        if self.down:
            raise DependencyError("mlflow", "connection refused")
        return await self._versions(name)


async def test_the_registry_is_not_asked_about_what_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    asked = Asked(world, monkeypatch)
    await look(world, 5)
    assert asked.times == 0


async def test_without_the_registry_what_serves_is_ready_scaled_and_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    Asked(world, monkeypatch).down = True
    world.cluster.put(DEPLOYMENTS, deployment(replicas=3))
    await run(world, 3)
    del world.cluster.objects[APPS.plural, KEY.namespace, served(world)]
    await run(world, 3)
    assert sets(world) == [served(world)] and replicas(world, served(world)) == 3
    assert world.condition("Ready", PLURAL)["status"] == "True"


async def test_without_the_registry_the_same_version_takes_another_template(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    old = served(world)
    Asked(world, monkeypatch).down = True
    world.cluster.put(DEPLOYMENTS, deployment(template={"priorityClassName": "serving"}))
    await run(world)
    assert sets(world) == [served(world)] != [old]


async def test_without_the_registry_a_new_version_is_waited_for_and_what_serves_stays_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    old = served(world)
    await new_version(world, "sha256:two")
    asked = Asked(world, monkeypatch)
    asked.down = True
    world.cluster.put(DEPLOYMENTS, deployment(replicas=3))
    await run(world, 3)
    assert world.condition("Ready", PLURAL)["status"] == "True"
    assert world.condition("Reconciling", PLURAL)["reason"] == "MlflowUnavailable"
    assert replicas(world, old) == 3
    asked.down = False
    await run(world)
    assert served(world) != old
    assert world.condition("Reconciling", PLURAL)["status"] == "False"


async def test_without_the_registry_a_rejected_version_stays_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await started(FakeWorld(), progressDeadlineSeconds=10)
    await run(world, 10)
    await new_version(world, BROKEN)
    await run(world)
    Asked(world, monkeypatch).down = True
    before = len(world.cluster.writes)
    await run(world, 5)
    assert world.condition("Stalled", PLURAL)["reason"] == "ProgressDeadlineExceeded"
    assert len(world.cluster.writes) == before


async def test_a_model_that_is_deleted_leaves_what_serves_and_says_so() -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    stable = served(world)
    gone = world.cluster.objects.pop((MODELS.plural, KEY.namespace, KEY.name))
    world.cluster.put(DEPLOYMENTS, deployment(replicas=2))
    await run(world, 5)
    ready, available = world.condition("Ready", PLURAL), world.condition("Available", PLURAL)
    assert (served(world), sets(world), replicas(world, stable)) == (stable, [stable], 2)
    assert (ready["reason"], available["status"]) == ("ModelNotFound", "True")
    assert ready["message"] == "there is no Model arr-delay in namespace flights; version 1 goes on serving"
    world.cluster.put(MODELS, gone)
    await run(world, 5)
    assert world.condition("Ready", PLURAL)["reason"] == "Serving"


async def test_what_serves_is_made_again_where_somebody_deletes_it_while_its_model_is_gone() -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    stable = served(world)
    del world.cluster.objects[MODELS.plural, KEY.namespace, KEY.name]
    del world.cluster.objects[APPS.plural, KEY.namespace, stable]
    await run(world, 3)
    assert sets(world) == [stable] and replicas(world, stable) == 1
    assert world.condition("Available", PLURAL)["status"] == "True"


async def test_a_model_made_anew_under_the_same_numbers_is_served_anew() -> None:
    world = await started(FakeWorld())
    await run(world, 10)
    old = served(world)
    await world.registry.delete_model(NAME)
    await world.settle(world.models)
    await new_version(world, "sha256:other")
    await run(world)
    assert served(world) != old
    assert (world.status(PLURAL)["stable"]["version"], world.status(PLURAL)["stable"]["digest"]) == (
        "1",
        "sha256:other",
    )


async def test_an_unknown_node_pool_is_stalled_until_the_platform_has_it() -> None:
    world = FakeWorld()
    world.pools = NodePools({"cpu": NodePool("cpu")})
    await started(world, nodePool="gpu")
    await run(world, 3)
    stalled = world.condition("Stalled", PLURAL)
    assert (stalled["status"], stalled["reason"], sets(world)) == ("True", "InvalidPlacement", [])
    assert stalled["message"].endswith("name one of its pools: cpu")
    world.pools = NodePools({"gpu": NodePool("gpu", {"pool": "gpu"})})
    await run(world)
    assert world.condition("Ready", PLURAL)["reason"] == "Serving"


async def test_a_pool_that_is_taken_away_leaves_what_serves() -> None:
    world = FakeWorld()
    world.pools = NodePools({"gpu": NodePool("gpu", {"pool": "gpu"})})
    await started(world, nodePool="gpu")
    await run(world, 10)
    stable = served(world)
    world.pools = NodePools()
    await run(world, 5)
    assert (served(world), sets(world)) == (stable, [stable])
    assert world.condition("Stalled", PLURAL)["message"].endswith("pools: none; version 1 goes on serving")
    assert world.condition("Available", PLURAL)["status"] == "True"
