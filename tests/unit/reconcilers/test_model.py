"""The Model line on fakes: approval, aliases, and names that belong to others."""

from typing import Any

from tests.fakes.world import KEY, FakeWorld, deployment, model

from millwright.core.execution import Package
from millwright.ports import DEPLOYMENTS, MODELS

NAME = "flights.arr-delay"
PLURAL = MODELS.plural


async def with_versions(count: int, gates: str = "Passed", **spec: Any) -> FakeWorld:
    world = FakeWorld()
    world.cluster.put(MODELS, model(**spec))
    await world.settle(world.models)
    for _ in range(count):
        await register(world, {"millwright.gates": gates})
    return world


async def register(world: FakeWorld, tags: dict[str, str]) -> None:
    package = Package("s3://models/x", "sha256:x", "onnx")
    await world.registry.register(NAME, "run-1", package, {"millwright.digest": "sha256:x"} | tags)
    await world.settle(world.models)


async def test_automatic_approval_moves_champion_to_the_newest_version() -> None:
    world = await with_versions(2)
    assert world.registry.models[NAME].aliases == {"champion": "2"}
    assert world.status(PLURAL)["approvedVersion"] == "2"
    assert world.condition("Ready", PLURAL)["status"] == "True"


async def test_manual_approval_waits_for_the_list() -> None:
    world = await with_versions(2, approval={"policy": "Manual"})
    assert world.registry.models[NAME].aliases == {}
    assert "add it to spec.approval.approvedVersions" in world.condition("Approved", PLURAL)["message"]
    world.cluster.put(MODELS, model(approval={"policy": "Manual", "approvedVersions": ["1"]}))
    await world.settle(world.models)
    assert world.registry.models[NAME].aliases == {"champion": "1"}


async def test_an_approved_version_that_is_not_there_is_said() -> None:
    world = await with_versions(1, approval={"policy": "Manual", "approvedVersions": ["7"]})
    assert world.condition("Approved", PLURAL)["reason"] == "NoSuchVersion"


async def test_a_version_that_somebody_made_by_hand_is_shown_and_never_approved() -> None:
    world = await with_versions(1)
    await register(world, {})
    assert world.registry.models[NAME].aliases == {"champion": "1"}
    told = world.status(PLURAL)
    assert (told["latestVersion"], told["approvedVersion"]) == ("2", "1")
    assert [(v["version"], v["approved"]) for v in told["versions"]] == [("2", False), ("1", True)]
    assert world.condition("Approved", PLURAL)["message"] == "version 1 is approved"


async def test_approving_what_somebody_made_by_hand_is_answered() -> None:
    world = await with_versions(1, gates="", approval={"policy": "Manual", "approvedVersions": ["1"]})
    assert world.registry.models[NAME].aliases == {}
    assert world.condition("Approved", PLURAL)["reason"] == "GatesNotPassed"


async def test_the_best_version_gets_its_alias_and_the_status_shows_why() -> None:
    best = {"metric": "auc", "goal": "Maximize"}
    world = await with_versions(0, aliases={"champion": "BestBy"}, bestBy=best)
    assert world.condition("Aliased", PLURAL)["status"] == "False"
    for measured in ('{"f1": 1, "auc": 0.7}', '{"f1": 1, "auc": 0.9}', '{"f1": 2}'):
        await register(world, {"millwright.gates": "Passed", "millwright.metrics": measured})
    assert world.registry.models[NAME].aliases == {"champion": "2"}
    assert world.condition("Aliased", PLURAL)["status"] == "True"
    shown = {version["version"]: version["metrics"] for version in world.status(PLURAL)["versions"]}
    assert shown["2"] == [{"name": "auc", "value": 0.9}, {"name": "f1", "value": 1.0}]


async def test_an_alias_with_a_rule_is_taken_from_a_version_that_the_rule_does_not_choose() -> None:
    world = await with_versions(1, approval={"policy": "Manual"})
    await world.registry.set_alias(NAME, "champion", "1")
    await world.registry.set_alias(NAME, "theirs", "1")
    await world.settle(world.models)
    assert world.registry.models[NAME].aliases == {"theirs": "1"}


async def test_an_external_alias_is_followed_and_never_moved() -> None:
    world = await with_versions(2, aliases={"prod": "External"})
    await world.registry.set_alias(NAME, "prod", "1")
    await world.settle(world.models)
    assert world.status(PLURAL)["aliases"] == {"prod": "1"}
    assert world.registry.models[NAME].aliases == {"prod": "1"}


async def test_an_alias_that_leaves_the_spec_leaves_the_registry() -> None:
    world = await with_versions(1, aliases={"champion": "LatestApproved", "challenger": "Latest"})
    world.cluster.put(MODELS, model(aliases={"champion": "LatestApproved"}))
    await world.settle(world.models)
    assert world.registry.models[NAME].aliases == {"champion": "1"}


async def test_a_name_of_another_namespace_is_refused_and_the_registry_not_touched() -> None:
    world = FakeWorld()
    world.cluster.put(MODELS, model(registeredName="hotels.prices"))
    await world.settle(world.models)
    assert world.condition("Ready", PLURAL)["reason"] == "ForeignRegisteredName"
    assert world.registry.models == {}


def serving(version: str, digest: str = "sha256:x", **spec: Any) -> dict[str, Any]:
    """A Deployment that serves a version."""
    stable = {"version": version, "versionSet": "set", "digest": digest, "since": "2026-01-01T00:00:00Z"}
    return deployment(**spec) | {"status": {"stable": stable}}


async def test_the_status_tells_who_serves_which_version() -> None:
    world = await with_versions(2)
    assert world.status(PLURAL)["deployedBy"] == []
    world.cluster.put(DEPLOYMENTS, serving("1"))
    await world.settle(world.models)
    assert world.status(PLURAL)["deployedBy"] == [{"name": KEY.name, "version": "1", "role": "stable"}]
    before = len(world.cluster.writes)
    await world.settle(world.models)
    assert len(world.cluster.writes) == before


async def test_a_synced_model_costs_no_write() -> None:
    world = await with_versions(3)
    before = len(world.cluster.writes)
    await world.models.reconcile(KEY)
    assert len(world.cluster.writes) == before
