"""Experiments on fakes: what people change under them, and what is away or missing for a while."""

from tests.fakes.states import OUTAGE, failing
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers.experiments import (
    arm,
    begun,
    change,
    clients,
    experiment,
    scorecard,
    verdicts,
    weights,
    with_versions,
)
from tests.unit.reconcilers.rollouts import message, reason, walk
from tests.unit.reconcilers.serving import PLURAL, look, new_version, sets

from millwright.ports import APPS, MODELS


async def test_without_prometheus_weights_and_verdicts_stay_and_it_goes_on_afterwards() -> None:
    world = await begun(FakeWorld())
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    world.measurements.is_down = True
    await walk(world)
    assert (weights(world), reason(world)) == ({"1": 60, "2": 20, "3": 20}, "PrometheusUnavailable")
    assert set(verdicts(world).values()) == {"Undecided"}
    world.measurements.is_down = False
    await walk(world)
    assert reason(world) == "ExperimentDecided"


async def test_paused_it_counts_and_decides_nothing() -> None:
    world = await begun(FakeWorld())
    change(world, rollout={"paused": True})
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    await walk(world)
    assert (weights(world), reason(world)) == ({"1": 60, "2": 20, "3": 20}, "Paused")
    assert set(verdicts(world).values()) == {"Undecided"} and scorecard(world, "2")["samples"] > 1000
    change(world, rollout={})
    await walk(world, 12)
    assert reason(world) == "ExperimentDecided"


async def test_another_control_is_another_experiment() -> None:
    world = await begun(FakeWorld(), model={"name": KEY.name})
    assert world.status(PLURAL)["stable"]["version"] == "3"


async def test_a_newer_version_of_the_alias_ends_it_and_another_begins_beside_that() -> None:
    world = await with_versions(FakeWorld(), model={"name": KEY.name})
    await walk(world)
    change(world, strategy=experiment(arm("1"), arm("2")))
    await walk(world, 12)
    assert weights(world) == {"3": 60, "1": 20, "2": 20}
    clients(world, v3=30.0, v1=60.0)
    await walk(world, 6)
    await new_version(world, "sha256:four")
    await walk(world, 1)
    assert weights(world) == {"3": 100} and "experiment" not in world.status(PLURAL)
    await walk(world)
    assert world.status(PLURAL)["experiment"]["control"] == "4"
    assert weights(world) == {"4": 60, "1": 20, "2": 20}
    assert scorecard(world, "2")["samples"] == 0


async def test_an_arm_that_is_aborted_leaves_and_the_others_go_on() -> None:
    world = await begun(FakeWorld())
    change(world, rollout={"abort": ["2"]})
    await walk(world)
    assert weights(world) == {"1": 80, "3": 20} and len(sets(world)) == 2
    assert "arm 2 is left out: version 2 is in spec.rollout.abort" in message(world)
    change(world, rollout={})
    await walk(world)
    assert weights(world) == {"1": 60, "2": 20, "3": 20}


async def test_an_arm_begins_anew_with_what_its_alias_names() -> None:
    world = await begun(FakeWorld(), experiment({"alias": "champion", "weight": 20}))
    clients(world, v1=30.0, v3=31.0)
    await walk(world, 6)
    before = scorecard(world, "champion")
    assert (before["version"], before["samples"] > 0) == ("3", True)
    await new_version(world, "sha256:four")
    await walk(world, 1)
    assert weights(world)["1"] == 100
    await walk(world)
    after = scorecard(world, "champion")
    assert (after["version"], after["samples"], weights(world)) == ("4", 0, {"1": 80, "4": 20})
    assert before["versionSet"] not in sets(world)


async def test_another_strategy_ends_it() -> None:
    world = await begun(FakeWorld())
    change(world, strategy={"type": "RollingUpdate"})
    await walk(world, 1)
    assert weights(world) == {"1": 100} and len(sets(world)) == 3
    await walk(world)
    assert (len(sets(world)), reason(world)) == (1, "Serving")


async def test_edited_it_begins_anew_with_the_pods_that_are_there() -> None:
    world = await begun(FakeWorld())
    clients(world, v1=30.0, v2=31.0, v3=30.0)
    await walk(world, 6)
    before = sets(world)
    change(world, strategy=experiment(arm("2", 30), arm("3", 10)))
    await walk(world, 1)
    assert weights(world)["1"] >= 60
    await walk(world, 4)
    assert (weights(world), scorecard(world, "2")["replicas"]) == ({"1": 60, "2": 30, "3": 10}, 2)
    assert set(before) == set(sets(world))


async def test_what_to_do_when_it_is_decided_may_be_said_later() -> None:
    world = await begun(FakeWorld())
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    await walk(world)
    change(world, strategy=experiment(whenDecided="Promote"))
    await walk(world)
    assert weights(world) == {"1": 0, "2": 100}


async def test_a_version_that_is_missing_is_waited_for_and_the_others_go_on() -> None:
    world = await begun(FakeWorld(), experiment(arm("2"), arm("4")))
    assert (weights(world), reason(world)) == ({"1": 80, "2": 20}, "VersionNotFound")
    assert "arm 4" in message(world)
    await new_version(world, "sha256:four")
    await walk(world)
    assert weights(world) == {"1": 60, "2": 20, "4": 20}


async def test_an_arm_without_an_answering_pod_gets_no_request_meanwhile() -> None:
    world = await begun(FakeWorld())
    body = world.cluster.objects[APPS.plural, KEY.namespace, scorecard(world, "2")["versionSet"]]
    body["status"]["availableReplicas"] = 0
    await look(world, 1)
    assert weights(world) == {"1": 80, "3": 20}
    await walk(world, 2)
    assert weights(world) == {"1": 60, "2": 20, "3": 20}


async def test_while_nothing_serves_by_wish_there_are_no_arms_and_their_counts_are_kept() -> None:
    world = await begun(FakeWorld())
    clients(world, v1=30.0, v2=31.0, v3=30.0)
    await walk(world, 6)
    before = scorecard(world, "2")["samples"]
    change(world, replicas=0)
    await walk(world)
    assert len(sets(world)) == 1
    change(world, replicas=4)
    await walk(world, 6)
    assert scorecard(world, "2")["samples"] >= before > 0
    assert verdicts(world)["2"] != "Failed"


async def test_no_arm_gets_its_first_request_while_nobody_can_see_it() -> None:
    world = await with_versions(FakeWorld())
    change(world, strategy=experiment(), rollout={"paused": True})
    await walk(world)
    assert (weights(world), reason(world), len(sets(world))) == ({"1": 100}, "Paused", 3)
    change(world, rollout={})
    await walk(world, 4)
    assert weights(world) == {"1": 60, "2": 20, "3": 20}


async def test_without_the_registry_everything_stays_as_it_is() -> None:
    world = await begun(FakeWorld())
    with failing(world.registry, "versions", OUTAGE):
        await walk(world, 6)
        assert weights(world) == {"1": 60, "2": 20, "3": 20}


async def test_without_its_model_everything_stays_as_it_is() -> None:
    world = await begun(FakeWorld())
    del world.cluster.objects[MODELS.plural, KEY.namespace, KEY.name]
    await walk(world)
    assert (weights(world), reason(world)) == ({"1": 60, "2": 20, "3": 20}, "ModelNotFound")
    assert len(sets(world)) == 3
