"""Attempts that follow failed ones: the second at once, the others later and later, and meanwhile nothing is done."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.api.training_results import HistoryEntry
from millwright.api.training_run import TrainingRunStatus
from millwright.core.attempts import begins
from millwright.core.execution import Cause, Execution
from millwright.ports import TRAINING_RUNS

FLAKY = Cause("Error", "Traceback\nConnectionError: no route", task="train", exit_code=1)
ENDED = datetime(2026, 11, 22, tzinfo=UTC)


def wait(attempt: int, outcome: str = "Error", spec_hash: str = "a") -> float | None:
    """Seconds from an attempt's failure to the beginning of the one after it."""
    entry = HistoryEntry(spec_hash=spec_hash, attempt=attempt, outcome=outcome, completion_time=ENDED)
    begin = begins(TrainingRunStatus(history=(entry,)), Execution(KEY, "uid", "a", attempt + 1))
    return (begin - ENDED).total_seconds() if begin else None


def test_each_wait_is_twice_the_one_before_up_to_six_minutes() -> None:
    assert [wait(attempt) for attempt in (1, 2, 3, 4, 5, 6, 7, 8, 99)] == [None, 10, 20, 40, 80, 160, 320, 360, 360]


@pytest.mark.parametrize("outcome", ["DeadlineExceeded", "BudgetExceeded"])
def test_somebody_who_raised_a_limit_need_not_wait(outcome: str) -> None:
    assert wait(5, outcome) is None


def test_another_spec_begins_at_once() -> None:
    assert wait(5, spec_hash="b") is None


async def in_its_wait() -> FakeWorld:
    """A world whose run has failed twice, and has two more attempts."""
    world = await started(FakeWorld(outcomes=(FLAKY, FLAKY, None)), backoffLimit=3)
    while len(world.status().get("history", [])) < 2:
        await world.training_runs.reconcile(KEY)
    return world


def ended(world: FakeWorld) -> datetime:
    return datetime.fromisoformat(world.status()["history"][0]["completionTime"])


async def test_who_looks_is_told_when_the_next_attempt_begins() -> None:
    world = await in_its_wait()
    assert world.condition("Ready")["message"] == (
        "attempt 2 failed, 2 of 4 failures that count (step train: Error (exit code 1): ConnectionError: no route); "
        f"the next one begins at {ended(world) + timedelta(seconds=10):%Y-%m-%dT%H:%M:%SZ}"
    )


async def test_it_asks_to_be_woken_when_its_time_has_come_and_writes_nothing_before() -> None:
    world = await in_its_wait()
    before, failed = len(world.cluster.writes), ended(world)
    delay = await world.training_runs.reconcile(KEY)
    assert failed + timedelta(seconds=10) == world.clock.time + timedelta(seconds=delay or 0)
    assert (len(world.pipelines.launched), len(world.cluster.writes)) == (2, before)
    world.clock.time += timedelta(seconds=delay or 0)
    await world.training_runs.reconcile(KEY)
    assert len(world.pipelines.launched) == 3
    await world.settle(world.training_runs)
    assert (world.status()["state"], world.status()["attempt"]) == ("Succeeded", 3)


async def test_an_edit_meanwhile_is_seen_and_waits_where_the_attempt_is_still_the_one_wanted() -> None:
    world = await in_its_wait()
    world.cluster.put(TRAINING_RUNS, training_run(backoffLimit=4, message="one more"))
    await world.training_runs.reconcile(KEY)
    generation = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]["metadata"]["generation"]
    assert world.status()["observedGeneration"] == generation
    assert "2 of 5 failures that count" in world.condition("Ready")["message"]
    assert len(world.pipelines.launched) == 2


async def test_another_spec_does_not_wait() -> None:
    world = await in_its_wait()
    world.cluster.put(TRAINING_RUNS, training_run(backoffLimit=4, parameters={"train_months": "1-6"}))
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    assert len(world.pipelines.launched) == 3
    await world.settle(world.training_runs)
    assert (world.status()["state"], world.status()["attempt"]) == ("Succeeded", 1)
