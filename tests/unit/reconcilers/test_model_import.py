"""A Model's import on fakes: what ends how, and that crashes change nothing."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.pipelines import SOURCE_DIGEST
from tests.fakes.world import DEPLOYMENTS, KEY, FakeWorld, deployment, model, started
from tests.unit.reconcilers.replays import AGAIN, condition, replay

from millwright.core.execution import Cause
from millwright.ports import APPS, MODELS, TRAINING_RUNS

NAME = "flights.arr-delay"
PLURAL = MODELS.plural
THEIRS = {"uri": "s3://theirs/model.onnx", "format": "onnx"}
OTHER = THEIRS | {"uri": "s3://theirs/other.onnx"}
MISMATCH = Cause("DigestMismatch", "s3://theirs/model.onnx has another digest.", final=True)
ABSENT = Cause("ObjectNotFound", "There is no object s3://theirs/model.onnx.")


async def importing(world: FakeWorld, wanted: dict[str, Any] = THEIRS, **spec: Any) -> FakeWorld:
    """A world in which a Model has asked for an import, and all has come to rest."""
    world.cluster.put(MODELS, model(**{"import": wanted} | spec))
    await world.settle(world.models)
    return world


def failing(cause: Cause) -> FakeWorld:
    world = FakeWorld()
    world.packaging.failure = cause
    return world


def versions(world: FakeWorld) -> list[str]:
    return [v.tags["millwright.import.uri"] for v in world.registry.model_versions.get(NAME, [])]


def runs(world: FakeWorld) -> list[str]:
    return [run.status for _, _, run in world.registry.runs.values()]


def finalizers(world: FakeWorld) -> list[str]:
    return list(world.cluster.objects[PLURAL, KEY.namespace, KEY.name]["metadata"].get("finalizers", []))


async def retried(world: FakeWorld) -> None:
    """Lets a minute pass."""
    world.clock.time += timedelta(minutes=1)
    await world.settle(world.models)


async def test_an_import_becomes_a_version_with_lineage_that_the_aliases_know() -> None:
    world = await importing(FakeWorld())
    (version,) = world.registry.model_versions[NAME]
    assert version.tags["millwright.import.digest"] == SOURCE_DIGEST
    assert world.registry.models[NAME].aliases == {"champion": "1"}
    (told,) = world.status(PLURAL)["versions"]
    assert (told["importedFrom"], told.get("trainingRun")) == (THEIRS["uri"], None)
    assert world.status(PLURAL)["import"]["modelVersion"] == "1"
    assert world.condition("Imported", PLURAL)["message"] == "s3://theirs/model.onnx became version 1"
    assert world.condition("Ready", PLURAL)["status"] == "True"
    assert (runs(world), finalizers(world)) == (["FINISHED"], [])


async def test_an_import_that_is_done_costs_no_write_and_no_look_outside() -> None:
    world = await importing(FakeWorld())
    before = len(world.cluster.writes)
    world.registry.find_run = world.registry.open_executions = None  # type: ignore[method-assign, assignment]
    await world.models.reconcile(KEY)
    assert len(world.cluster.writes) == before


async def test_an_import_waits_for_approval_like_any_version_and_is_served_then() -> None:
    world = await importing(FakeWorld(), approval={"policy": "Manual"})
    world.cluster.put(DEPLOYMENTS, deployment())
    await world.settle(world.deployments)
    assert world.condition("Ready", DEPLOYMENTS.plural)["reason"] == "AliasNotSet"
    await importing(world, approval={"policy": "Manual", "approvedVersions": ["1"]})
    await world.deployments.reconcile(KEY)
    assert [kind for kind, _, _ in world.cluster.objects].count(APPS.plural) == 1
    assert versions(world) == [THEIRS["uri"]]


async def test_another_import_is_another_version_and_the_one_before_never_a_second() -> None:
    world = await importing(FakeWorld())
    await importing(world, OTHER)
    assert versions(world) == [THEIRS["uri"], OTHER["uri"]]
    await importing(world, THEIRS)
    assert versions(world) == [THEIRS["uri"], OTHER["uri"]]
    assert world.condition("Imported", PLURAL)["message"].endswith("became version 1")
    assert world.condition("Ready", PLURAL)["status"] == "True"


async def test_a_model_that_is_deleted_and_applied_again_imports_nothing_twice() -> None:
    world = await importing(FakeWorld())
    del world.cluster.objects[PLURAL, KEY.namespace, KEY.name]
    await importing(world)
    assert (versions(world), runs(world)) == ([THEIRS["uri"]], ["FINISHED"])


async def test_a_version_that_is_gone_is_not_imported_again_until_it_is_asked_for_anew() -> None:
    world = await importing(FakeWorld(), retention={"keepVersions": 1})
    world.registry.model_versions[NAME].clear()
    await world.settle(world.models)
    assert versions(world) == []
    await importing(world, OTHER, retention={"keepVersions": 1})
    await importing(world, THEIRS, retention={"keepVersions": 1})
    assert versions(world) == [THEIRS["uri"]]
    await world.settle(world.models)
    assert versions(world) == [THEIRS["uri"]]


async def test_what_is_wrong_stalls_is_remembered_and_is_healed_by_a_correction() -> None:
    world = await importing(failing(MISMATCH))
    told = world.condition("Ready", PLURAL)
    assert (told["status"], told["reason"]) == ("False", "DigestMismatch")
    assert told["message"].startswith(MISMATCH.message)
    assert world.condition("Stalled", PLURAL)["status"] == "True"
    assert (versions(world), runs(world), finalizers(world)) == ([], ["FAILED"], [])
    world.packaging.started.clear()  # somebody deletes the Job
    await retried(world)
    assert world.packaging.started == []
    world.packaging.failure = None
    await importing(world, THEIRS | {"digest": SOURCE_DIGEST})
    assert world.condition("Ready", PLURAL)["status"] == "True"
    assert (versions(world), runs(world)) == ([THEIRS["uri"]], ["FAILED", "FINISHED"])


async def test_a_failed_import_leaves_the_versions_before_it_as_they_are() -> None:
    world = await importing(FakeWorld())
    world.packaging.failure = MISMATCH
    await importing(world, OTHER)
    assert world.condition("Ready", PLURAL)["reason"] == "DigestMismatch"
    assert world.status(PLURAL)["aliases"] == {"champion": "1"}


async def test_an_object_that_is_not_there_is_waited_for_in_one_run() -> None:
    world = await importing(failing(ABSENT))
    for _ in range(7):
        assert world.condition("Ready", PLURAL)["reason"] == "ObjectNotFound"
        assert world.condition("Reconciling", PLURAL)["status"] == "True"
        await retried(world)
    world.packaging.started.clear()
    world.packaging.failure = None
    await retried(world)
    assert (versions(world), runs(world)) == ([THEIRS["uri"]], ["FINISHED"])


async def test_while_it_is_tried_again_the_reason_before_is_told() -> None:
    world = await importing(failing(ABSENT))
    events = [name for verb, plural, name in world.cluster.writes if plural == "events"]
    await retried(world)
    await retried(world)
    assert [name for verb, plural, name in world.cluster.writes if plural == "events"] == events


async def test_what_crashes_is_tried_five_times() -> None:
    world = await importing(failing(Cause("OOMKilled", "killed")))
    for _ in range(4):
        assert world.condition("Stalled", PLURAL)["status"] == "False"
        await retried(world)
    told = world.condition("Stalled", PLURAL)
    assert (told["status"], told["reason"]) == ("True", "OOMKilled")
    assert told["message"].startswith("Failed 5 times: killed")


async def test_a_pickle_is_tried_again_when_it_is_allowed_and_a_version_is_not() -> None:
    world = await importing(failing(Cause("UnsafeFormat", "It is a pickle.", final=True)))
    world.packaging.failure = None
    await importing(world, allowPickle=True)
    assert versions(world) == [THEIRS["uri"]]
    await importing(world, allowPickle=False)
    assert (versions(world), runs(world)) == ([THEIRS["uri"]], ["FAILED", "FINISHED"])


async def under_way(**spec: Any) -> FakeWorld:
    """An import whose Job is running."""
    world = FakeWorld()
    world.cluster.put(MODELS, model(**spec))
    await world.settle(world.models)
    world.cluster.put(MODELS, model(**{"import": THEIRS} | spec))
    for _ in range(3):
        await world.models.reconcile(KEY)
    assert (len(world.packaging.started), finalizers(world)) == (1, ["millwright.dev/model"])
    return world


async def test_a_changed_import_ends_the_one_under_way() -> None:
    world = await under_way()
    (first,) = world.packaging.started
    await importing(world, OTHER)
    assert (versions(world), runs(world)) == ([OTHER["uri"]], ["KILLED", "FINISHED"])
    assert first not in world.packaging.started


async def test_an_import_that_was_ended_and_is_wanted_again_goes_on() -> None:
    world = await under_way()
    await importing(world, OTHER)
    await importing(world, THEIRS)
    assert versions(world) == [OTHER["uri"], THEIRS["uri"]]
    assert (runs(world), finalizers(world)) == (["FINISHED", "FINISHED"], [])


async def test_an_import_that_is_taken_out_of_the_spec_is_ended() -> None:
    world = await under_way()
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    assert (versions(world), runs(world), finalizers(world)) == ([], ["KILLED"], [])
    assert "import" not in world.status(PLURAL)
    assert [c["type"] for c in world.status(PLURAL)["conditions"] if c["type"] == "Imported"] == []


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_deleting_a_model_ends_its_import_before_anything_else(policy: str) -> None:
    world = await under_way(deletionPolicy=policy)
    world.cluster.objects[PLURAL, KEY.namespace, KEY.name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.settle(world.models)
    assert (PLURAL, KEY.namespace, KEY.name) not in world.cluster.objects
    assert (world.packaging.started, runs(world)) == ([], ["KILLED"])
    assert (NAME in world.registry.models) is (policy == "Retain")


async def test_deleting_a_model_that_has_imported_deletes_what_its_policy_says() -> None:
    world = await importing(FakeWorld(), deletionPolicy="Delete")
    world.cluster.objects[PLURAL, KEY.namespace, KEY.name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.settle(world.models)
    assert (PLURAL, KEY.namespace, KEY.name) not in world.cluster.objects
    assert (world.registry.models, world.objects.contents) == ({}, {})


async def test_a_name_of_another_namespace_imports_nothing() -> None:
    world = await importing(FakeWorld(), registeredName="hotels.prices")
    assert world.condition("Ready", PLURAL)["reason"] == "ForeignRegisteredName"
    assert (world.registry.runs, finalizers(world)) == ({}, [])


async def test_a_training_run_of_the_same_name_goes_its_own_way() -> None:
    world = await started(await under_way())
    await world.settle(world.training_runs)
    await importing(world)
    assert world.status()["modelVersion"] == "1"
    assert world.status(PLURAL)["import"]["modelVersion"] == "2"
    assert sorted(runs(world)) == ["FINISHED", "FINISHED"]


@pytest.mark.parametrize("by", ["modelVersion", "execution"])
async def test_an_imported_version_cannot_be_replayed_and_says_why(by: str) -> None:
    world = await importing(FakeWorld())
    of = {"modelVersion": "1", "execution": world.status(PLURAL)["import"]["execution"]}
    world.cluster.put(TRAINING_RUNS, replay(**{by: of[by]}))
    await world.settle(world.training_runs, AGAIN)
    told = condition(world, "Ready")
    assert (told["reason"], condition(world, "Stalled")["status"]) == ("NotTrained", "True")
    assert told["message"] == (
        "version 1 of flights.arr-delay was imported from s3://theirs/model.onnx: nothing was run that could run again"
    )


@settings(max_examples=150)
@given(before=st.frozensets(st.integers(1, 20), max_size=6), after=st.frozensets(st.integers(1, 20), max_size=6))
async def test_killed_at_any_write_or_with_any_reply_lost_the_end_is_the_same(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world = FakeWorld()
    world.faults.before, world.faults.after = before, after
    await importing(world)
    await importing(world, OTHER)
    assert versions(world) == [THEIRS["uri"], OTHER["uri"]]
    assert (runs(world), finalizers(world)) == (["FINISHED", "FINISHED"], [])
    assert world.condition("Ready", PLURAL)["status"] == "True"


@settings(max_examples=150)
@given(
    before=st.frozensets(st.integers(1, 20), max_size=6),
    after=st.frozensets(st.integers(1, 20), max_size=6),
    passes=st.integers(0, 8),
)
async def test_changed_at_any_moment_and_killed_at_any_write_nothing_is_left_open(
    before: frozenset[int], after: frozenset[int], passes: int
) -> None:
    world = FakeWorld()
    world.faults.before, world.faults.after = before, after
    world.cluster.put(MODELS, model(**{"import": THEIRS}))
    for _ in range(passes):
        with suppress(Killed):
            await world.models.reconcile(KEY)
    await importing(world, OTHER)
    assert versions(world) in ([OTHER["uri"]], [THEIRS["uri"], OTHER["uri"]])
    assert "RUNNING" not in runs(world) and not finalizers(world)
