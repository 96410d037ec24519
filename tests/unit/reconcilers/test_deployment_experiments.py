"""Experiments on fakes: arms beside what serves, what is found of them, and what that does to them."""

from collections.abc import Sequence

import pytest
from tests.fakes.states import failing
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers.experiments import (
    COOKIE,
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
from tests.unit.reconcilers.rollouts import backends, count, message, reason, route, walk
from tests.unit.reconcilers.serving import BROKEN, PLURAL, look, new_version, replicas, run_pods, sets

from millwright.core.registry import RegisteredVersion
from millwright.ports import MODELS, PODS, DependencyError, RejectedError


async def test_each_arm_gets_its_share_when_its_pods_answer_and_what_serves_keeps_all_pods() -> None:
    world = await begun(FakeWorld())
    assert weights(world) == {"1": 60, "2": 20, "3": 20}
    assert [replicas(world, name) for name in backends(world)] == [4, 1, 1]
    assert reason(world) == "Experimenting" and world.condition("Ready", PLURAL)["status"] == "True"


async def test_one_look_asks_the_registry_once_however_many_arms_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await with_versions(FakeWorld())
    change(world, strategy=experiment())
    versions, asked = world.registry.versions, list[str]()

    async def noted(name: str) -> Sequence[RegisteredVersion]:
        asked.append(name)
        return await versions(name)

    monkeypatch.setattr(world.registry, "versions", noted)
    await world.deployments.reconcile(KEY)
    assert asked == ["flights.arr-delay"]


async def test_an_arm_can_be_asked_for_by_its_version() -> None:
    world = await begun(FakeWorld())
    body = route(world)
    assert body is not None
    paths = [rule["matches"][0]["path"]["value"] for rule in body["spec"]["rules"]]
    assert [path.rpartition("/")[2] for path in paths] == ["", "1", "2", "3"]


async def test_a_planted_effect_is_found_and_none_where_there_is_none() -> None:
    world = await begun(FakeWorld())
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    await walk(world)
    assert verdicts(world) == {"2": "Better", "3": "Same"}
    found = scorecard(world, "2")
    assert (found["value"], found["effect"]) == (0.6, 0.3)
    assert 0 < found["lower"] < 0.3 < found["upper"]
    assert (reason(world), world.status(PLURAL)["experiment"]["winner"]) == ("ExperimentDecided", "2")


async def test_a_decision_that_is_held_leaves_the_weights_and_writes_nothing_more() -> None:
    world = await begun(FakeWorld())
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    await walk(world)
    before = len(world.cluster.writes)
    await walk(world, 20)
    assert weights(world) == {"1": 60, "2": 20, "3": 20}
    assert len(world.cluster.writes) == before


async def test_a_winner_that_is_promoted_gets_all_requests_and_serves_at_once_when_the_spec_names_it() -> None:
    world = await begun(FakeWorld(), experiment(whenDecided="Promote"))
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    await walk(world)
    control, winner = (world.status(PLURAL)["stable"]["versionSet"], scorecard(world, "2")["versionSet"])
    assert weights(world) == {"1": 0, "2": 100}
    assert (replicas(world, control), replicas(world, winner), len(sets(world))) == (4, 4, 2)
    change(world, model={"name": KEY.name, "version": "2"})
    await walk(world, 2)
    assert world.status(PLURAL)["stable"]["versionSet"] == winner
    assert weights(world) == {"2": 100}
    await walk(world)
    assert (world.status(PLURAL)["experiment"]["control"], verdicts(world)) == ("2", {"3": "Worse"})


async def test_a_winner_whose_server_ends_loses_everything_to_the_control_again() -> None:
    world = await begun(FakeWorld(), experiment(arm("2"), whenDecided="Promote"))
    clients(world, v1=30.0, v2=60.0)
    await walk(world)
    assert weights(world) == {"1": 0, "2": 100}
    crash(world, "2")
    await walk(world, 1)
    assert weights(world) == {"1": 100}
    assert world.status(PLURAL)["experiment"]["winner"] == "1"


def crash(world: FakeWorld, name: str) -> None:
    ended = {"terminated": {"exitCode": 139, "finishedAt": "2026-01-02T00:00:00Z"}}
    pod = world.cluster.objects[PODS.plural, KEY.namespace, f"{scorecard(world, name)['versionSet']}-0"]
    pod["status"] = {"containerStatuses": [{"name": "server", "lastState": ended}]}


async def test_an_arm_that_is_surely_worse_loses_its_share_and_leaves_and_the_others_go_on() -> None:
    world = await begun(FakeWorld())
    worse = scorecard(world, "2")["versionSet"]
    clients(world, v1=50.0, v2=10.0)
    await walk(world)
    assert verdicts(world) == {"2": "Worse", "3": "Undecided"}
    assert weights(world) == {"1": 80, "3": 20}
    assert worse not in sets(world)
    assert reason(world) == "Experimenting"


async def test_an_arm_whose_server_ends_loses_its_share_at_once_and_the_others_go_on() -> None:
    world = await begun(FakeWorld())
    crash(world, "2")
    await walk(world, 1)
    assert weights(world) == {"1": 80, "3": 20}
    assert (reason(world, "Degraded"), verdicts(world)["2"]) == ("ArmFailed", "Failed")
    assert "arm 2 has failed: it stopped while it got requests" in message(world, "Degraded")
    await walk(world)
    assert len(sets(world)) == 2 and weights(world) == {"1": 80, "3": 20}


async def test_an_arm_that_breaks_a_guardrail_loses_its_share_at_once() -> None:
    guards = [{"name": "error-rate", "max": 0.01}]
    world = await begun(FakeWorld(), experiment(guardrails=guards))
    count(world, scorecard(world, "2")["versionSet"], {"200": 50.0, "500": 50.0})
    count(world, scorecard(world, "3")["versionSet"], {"200": 100.0})
    await walk(world, 6)
    assert weights(world) == {"1": 80, "3": 20}
    assert "it broke a guardrail (error-rate:" in scorecard(world, "2")["message"]


async def test_a_guardrail_is_watched_after_the_decision_too() -> None:
    guards = [{"name": "error-rate", "max": 0.01}]
    world = await begun(FakeWorld(), experiment(guardrails=guards))
    clients(world, v1=30.0, v2=60.0, v3=30.0)
    await walk(world)
    count(world, scorecard(world, "2")["versionSet"], {"500": 100.0})
    await walk(world, 6)
    assert weights(world) == {"1": 80, "3": 20}


async def test_an_arm_that_never_answers_is_given_up() -> None:
    world = await with_versions(FakeWorld(), progressDeadlineSeconds=30)
    await new_version(world, BROKEN)
    change(world, strategy=experiment(arm("2"), arm("4")))
    await walk(world, 5)
    assert (reason(world), weights(world)) == ("RollingOut", {"1": 80, "2": 20})
    await walk(world, 20)
    assert "it did not answer within 30 s (DigestMismatch" in scorecard(world, "4")["message"]
    assert reason(world, "Degraded") == "ArmFailed"


async def test_an_arm_that_is_what_serves_is_left_out() -> None:
    world = await begun(FakeWorld(), experiment(arm("1"), arm("2")))
    assert weights(world) == {"1": 80, "2": 20}
    assert "arm 1 is left out: it is version 1, as spec.model" in message(world)


async def test_after_its_time_it_is_over_whatever_is_known() -> None:
    world = await begun(FakeWorld(), experiment(maxDurationSeconds=60))
    await walk(world)
    assert (reason(world), world.status(PLURAL)["experiment"]["winner"]) == ("ExperimentDecided", "1")


async def test_a_bandit_moves_requests_to_the_better_version_within_its_bounds() -> None:
    bandit = {"algorithm": "thompson", "minWeight": 5, "maxWeight": 70}
    least = {**experiment()["experiment"]["primary"], "minimumDetectableEffect": 0.001}
    world = await begun(FakeWorld(), experiment(bandit=bandit, primary=least))
    clients(world, v1=30.0, v2=40.0, v3=20.0)
    await walk(world, 25)
    assert weights(world) == {"1": 25, "2": 70, "3": 5}
    assert replicas(world, scorecard(world, "2")["versionSet"]) == 3


async def test_clients_stay_with_a_version_by_a_cookie_of_the_gateway() -> None:
    lasting = {"cookie": {"name": "arm", "lifetimeSeconds": 1209661}}
    world = await begun(FakeWorld(), experiment(assignment=lasting))
    body = route(world)
    assert body is not None
    assert body["spec"]["rules"][0]["sessionPersistence"] == {
        "sessionName": "arm",
        "type": "Cookie",
        "absoluteTimeout": "336h1m1s",
        "cookieConfig": {"lifetimeType": "Permanent"},
    }
    change(world, strategy={"type": "RollingUpdate"})
    await walk(world, 2)
    body = route(world)
    assert body is not None and "sessionPersistence" not in body["spec"]["rules"][0]


async def test_a_gateway_api_that_knows_no_cookies_is_said_and_fails_no_arm() -> None:
    world = await with_versions(FakeWorld(), progressDeadlineSeconds=10)
    change(world, strategy=experiment(assignment=COOKIE))
    error = DependencyError("kubernetes", "500 .spec.rules[3].sessionPersistence: field not declared in schema")
    await walk(world, 1)
    run_pods(world)
    for _ in range(10):
        with failing(world.cluster, "apply", error), pytest.raises(RejectedError, match="take out"):
            await look(world, 1)
    assert "has no sessionPersistence" in message(world, "Stalled")
    await walk(world, 4)
    assert weights(world) == {"1": 60, "2": 20, "3": 20}


async def test_a_model_knows_which_versions_are_tried() -> None:
    world = await begun(FakeWorld())
    await world.settle(world.models)
    served = {(one["version"], one["role"]) for one in world.status(MODELS.plural)["deployedBy"]}
    assert served == {("1", "stable"), ("2", "arm"), ("3", "arm")}
