"""Experiments on fakes: arms beside what serves, what is found of them, and what may interrupt it."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.states import OUTAGE, failing
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
from tests.unit.reconcilers.rollouts import backends, count, route, walk
from tests.unit.reconcilers.serving import BROKEN, PLURAL, look, new_version, replicas, run_pods, sets

from millwright.core.registry import RegisteredVersion
from millwright.ports import APPS, MODELS, PODS, DependencyError, RejectedError


def reason(world: FakeWorld, kind: str = "Ready") -> str:
    return str(world.condition(kind, PLURAL)["reason"])


def message(world: FakeWorld, kind: str = "Ready") -> str:
    return str(world.condition(kind, PLURAL)["message"])


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


async def test_a_model_knows_which_versions_are_tried() -> None:
    world = await begun(FakeWorld())
    await world.settle(world.models)
    served = {(one["version"], one["role"]) for one in world.status(MODELS.plural)["deployedBy"]}
    assert served == {("1", "stable"), ("2", "arm"), ("3", "arm")}


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
