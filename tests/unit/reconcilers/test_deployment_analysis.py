"""Roll-outs that an analysis judges: what it takes back, what it promotes, and what becomes of those it cannot see."""

from prometheus_client import REGISTRY
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers.rollouts import (
    ERRORS,
    candidate,
    count,
    reason,
    serving_one,
    share,
    until_share,
    walk,
)
from tests.unit.reconcilers.serving import PLURAL, new_version, sets


async def test_a_candidate_that_fails_its_requests_is_taken_back_at_once_and_not_tried_again() -> None:
    world = await serving_one(FakeWorld(), analysis=ERRORS)
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    bad = candidate(world)
    count(world, bad, {"200": 50.0, "500": 50.0})
    await walk(world, 4)
    assert share(world) == 0
    status = world.status(PLURAL)
    assert (status["rejectedVersion"]["verdict"], status["rejectedVersion"]["reason"]) == (
        "AnalysisFailed",
        "error-rate",
    )
    assert (reason(world, "Stalled"), reason(world, "Degraded")) == ("AnalysisFailed", "AnalysisFailed")
    assert "requests failed" in world.condition("Degraded", PLURAL)["message"]
    await walk(world)
    assert sets(world) == [status["stable"]["versionSet"]]
    before = len(world.cluster.writes)
    await walk(world)
    assert len(world.cluster.writes) == before


async def test_a_candidate_is_promoted_only_when_the_analysis_is_sure() -> None:
    world = await serving_one(FakeWorld(), analysis=ERRORS)
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    good = candidate(world)
    await walk(world)
    assert (share(world), reason(world)) == (50, "Analyzing")
    assert "no request has been counted yet" in world.condition("Ready", PLURAL)["message"]
    count(world, good, {"200": 100.0})
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_without_prometheus_it_stays_at_its_step_and_goes_on_afterwards() -> None:
    world = await serving_one(FakeWorld(), analysis=ERRORS)
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    count(world, candidate(world), {"200": 100.0})
    world.measurements.is_down = True
    await walk(world)
    assert (share(world), reason(world)) == (10, "PrometheusUnavailable")
    world.measurements.is_down = False
    await walk(world)
    assert world.status(PLURAL)["stable"]["version"] == "2"


async def test_a_query_that_prometheus_refuses_keeps_it_and_is_said() -> None:
    wrong = {"metrics": [{"name": "gpu", "query": "sum(", "max": 1}]}
    world = await serving_one(FakeWorld(), analysis=wrong)
    await new_version(world, "sha256:two")
    await walk(world)
    assert (share(world), reason(world)) == (0, "InvalidQuery")


async def test_who_cannot_be_judged_gets_no_first_request() -> None:
    world = await serving_one(FakeWorld(), analysis=ERRORS)
    world.measurements.is_down = True
    await new_version(world, "sha256:two")
    await walk(world)
    assert (share(world), reason(world)) == (0, "PrometheusUnavailable")
    world.measurements.is_down = False
    await until_share(world, 10)


def rollouts_counted(outcome: str) -> float:
    labels = {"namespace": KEY.namespace, "deployment": KEY.name, "outcome": outcome}
    return REGISTRY.get_sample_value("millwright_rollouts_total", labels) or 0.0


async def test_roll_outs_are_counted_by_how_they_end() -> None:
    promoted, rejected = rollouts_counted("Promoted"), rollouts_counted("AnalysisFailed")
    world = await serving_one(FakeWorld(), analysis=ERRORS)
    await new_version(world, "sha256:two")
    await until_share(world, 10)
    count(world, candidate(world), {"500": 50.0})
    await walk(world)
    assert (rollouts_counted("Promoted"), rollouts_counted("AnalysisFailed")) == (promoted + 1, rejected + 1)
