"""Data sets, on fakes: nothing is launched before they are there, and are what they are said to be."""

import hashlib
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core.execution import Cause, DatasetCheck, Phase
from millwright.ports import TRAINING_RUNS

URI = "s3://data/flights.parquet"
CONTENT = b"flights of January"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def flights(**changes: Any) -> dict[str, Any]:
    """A spec that names the data set."""
    return {"datasets": [{"name": "flights", "uri": URI, "digest": digest(CONTENT)} | changes]}


async def waiting(world: FakeWorld | None = None, **spec: Any) -> FakeWorld:
    """A world in which a run has come as far as it can."""
    world = await started(world or FakeWorld(), **flights() | spec)
    await world.settle(world.training_runs)
    return world


async def later(world: FakeWorld) -> None:
    """When it is looked at again."""
    world.clock.time += timedelta(minutes=20)
    await world.settle(world.training_runs)


async def test_data_that_is_as_it_should_be_is_told_and_trained_with() -> None:
    world = FakeWorld()
    world.objects.contents[URI] = CONTENT
    await waiting(world)
    assert world.status()["state"] == "Succeeded"
    (told,) = world.status()["datasets"]
    assert (told["name"], told["uri"], told["digest"]) == ("flights", URI, digest(CONTENT))


async def test_data_that_is_missing_is_waited_for() -> None:
    world = await waiting()
    assert world.condition("Ready")["reason"] == "DatasetNotFound"
    assert world.condition("Ready")["status"] == "Unknown"
    assert not world.registry.runs and not world.pipelines.launched
    world.objects.contents[URI] = CONTENT
    await later(world)
    assert world.status()["state"] == "Succeeded"


async def test_data_with_another_digest_stalls_and_a_corrected_one_trains_without_reading_again() -> None:
    world = FakeWorld()
    world.objects.contents[URI] = CONTENT
    await waiting(world, **flights(digest=digest(b"other")))
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Ready")["reason"] == "DatasetDigestMismatch"
    assert not world.registry.runs and not world.pipelines.launched
    world.cluster.put(TRAINING_RUNS, training_run(**flights()))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert world.dataset_checks.read == [URI]


async def test_the_right_data_put_there_later_is_seen() -> None:
    world = FakeWorld()
    world.objects.contents[URI] = b"half of it"
    await waiting(world)
    assert world.condition("Ready")["reason"] == "DatasetDigestMismatch"
    world.objects.contents[URI] = CONTENT
    await later(world)
    assert world.status()["state"] == "Succeeded"


async def test_looking_again_says_nothing_new() -> None:
    world = await waiting()
    before = [write for write in world.cluster.writes if write[1] in ("trainingruns", "events")]
    for _ in range(5):
        await later(world)
    assert [write for write in world.cluster.writes if write[1] in ("trainingruns", "events")] == before


async def test_looking_again_has_more_patience_the_longer_it_waits() -> None:
    world = await waiting()
    now = world.clock.time
    delays = []
    for minutes in (2, 30, 100, 1000):
        world.clock.time = now + timedelta(minutes=minutes)
        await world.settle(world.training_runs)
        delays.append(await world.training_runs.reconcile(KEY))
    assert delays == sorted(delays, key=lambda delay: delay or 0)
    assert 50 < (delays[0] or 0) <= 60 and 850 < (delays[-1] or 0) <= 900


async def test_another_attempt_reads_nothing_that_has_not_changed() -> None:
    world = FakeWorld(outcomes=(Cause("Error", "flaky"), None))
    world.objects.contents[URI] = CONTENT
    await waiting(world, backoffLimit=1)
    assert (world.status()["state"], world.status()["attempt"]) == ("Succeeded", 2)
    assert world.dataset_checks.read == [URI]


async def test_what_is_known_is_not_forgotten_while_something_else_is_missing() -> None:
    world = FakeWorld()
    world.objects.contents[URI] = CONTENT
    await waiting(world)
    there = flights()["datasets"]
    absent = {"name": "weather", "uri": "s3://data/weather.parquet"}
    world.cluster.put(TRAINING_RUNS, training_run(datasets=[*there, absent]))
    await world.settle(world.training_runs)
    assert world.condition("Ready")["reason"] == "DatasetNotFound"
    world.objects.contents[absent["uri"]] = b"rain"
    await later(world)
    assert world.status()["state"] == "Succeeded"
    assert world.dataset_checks.read == [URI]
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert not world.status().get("datasets")


async def test_what_is_not_in_s3_is_recorded_only() -> None:
    world = await started(FakeWorld(), datasets=[{"name": "table", "uri": "bigquery:flights.2013"}])
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert not world.dataset_checks.current
    (tags,) = world.registry.tags.values()
    assert tags["millwright.dataset.table"] == "bigquery:flights.2013"


async def test_a_look_that_takes_long_says_what_it_waits_for_and_is_stopped_by_suspending() -> None:
    world = await started(FakeWorld(), **flights())
    await world.training_runs.reconcile(KEY)
    key, _ = world.dataset_checks.current[KEY]
    check = DatasetCheck(Phase.PENDING, waiting_for="CreateContainerConfigError: secret not found")
    world.dataset_checks.current[KEY] = (key, check)
    await world.training_runs.reconcile(KEY)
    assert world.condition("Ready")["reason"] == "CheckingDatasets"
    assert "secret not found" in world.condition("Ready")["message"]
    world.cluster.put(TRAINING_RUNS, training_run(suspend=True, **flights()))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Suspended"
    assert not world.dataset_checks.current


async def test_data_is_looked_for_before_quota_is_asked_for() -> None:
    world = await waiting(queueName="team")
    assert world.condition("Ready")["reason"] == "DatasetNotFound"
    assert not world.queues.places


@settings(max_examples=60)
@given(
    first=st.sampled_from([None, b"half of it", CONTENT]),
    before=st.frozensets(st.integers(1, 25), max_size=6),
    after=st.frozensets(st.integers(1, 25), max_size=6),
)
async def test_killed_at_any_write_the_right_data_is_trained_with_once(
    first: bytes | None, before: frozenset[int], after: frozenset[int]
) -> None:
    world = FakeWorld()
    if first is not None:
        world.objects.contents[URI] = first
    await started(world, **flights())
    world.faults.before, world.faults.after = (frozenset(n + world.faults.calls for n in s) for s in (before, after))
    await world.settle(world.training_runs)
    assert bool(world.pipelines.launched) == (first == CONTENT)
    world.objects.contents[URI] = CONTENT
    await later(world)
    assert world.status()["state"] == "Succeeded"
    assert len(world.pipelines.launched) == 1
    assert world.status()["datasets"][0]["digest"] == digest(CONTENT)
