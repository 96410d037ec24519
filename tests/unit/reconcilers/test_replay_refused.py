"""Replays that are not run, or not compared, as what they would repeat is gone, changed or not theirs."""

import dataclasses
import json
from typing import Any

import pytest
from tests.fakes.world import IR, KEY, FakeWorld
from tests.unit.reconcilers.replays import AGAIN, NAME, condition, replay, status, trained

from millwright.core.execution import Cause
from millwright.ports import CONFIG_MAPS, TRAINING_RUNS


async def refused(world: FakeWorld, **of: Any) -> dict[str, Any]:
    """The Ready condition of a replay that launches nothing."""
    launched = len(world.pipelines.launched)
    world.cluster.put(TRAINING_RUNS, replay(**of))
    await world.settle(world.training_runs, AGAIN)
    assert len(world.pipelines.launched) == launched
    assert condition(world, "Stalled")["status"] == "True"
    return condition(world, "Ready")


async def test_what_became_no_version_is_gone_with_its_children() -> None:
    world = FakeWorld(outcomes=(Cause("Error", "no rows"),))
    failed = await trained(world)
    del world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, failed]
    told = await refused(world, execution=failed)
    assert told["reason"] == "CopyGone"
    assert told["message"].startswith(f"the copy of execution {failed} is gone: it went with the execution's children")


async def test_a_version_of_which_no_copy_is_stored_is_said_to_have_none() -> None:
    world = FakeWorld()
    first = await trained(world)
    del world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first]
    world.objects.contents.clear()
    assert (await refused(world, modelVersion="1"))["reason"] == "CopyGone"


async def test_an_original_whose_mlflow_run_is_gone_is_not_run_for_nothing() -> None:
    world = FakeWorld()
    await trained(world)
    world.registry.runs.clear()
    assert (await refused(world, modelVersion="1"))["reason"] == "OriginalGone"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pipeline.yaml", IR.replace("arr-delay", "evil"), "DigestMismatch"),
        ("pipeline.yaml", "hello", "InvalidCopy"),
        ("replay.json", "{}", "InvalidCopy"),
    ],
)
async def test_a_copy_that_was_changed_in_storage_is_not_run(name: str, text: str, reason: str) -> None:
    world = FakeWorld()
    first = await trained(world)
    del world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first]
    world.objects.contents[f"s3://models/flights/arr-delay/{first}.replay/{name}"] = text.encode()
    assert (await refused(world, modelVersion="1"))["reason"] == reason


def tag_version(world: FakeWorld, **tags: str) -> None:
    """As training code can, in a registry without login."""
    (version,) = world.registry.model_versions[NAME]
    changed = {**version.tags, **{f"millwright.{name}": value for name, value in tags.items()}}
    world.registry.model_versions[NAME] = [dataclasses.replace(version, tags=changed)]


async def test_another_namespaces_package_is_not_read_whatever_the_tags_say() -> None:
    world = FakeWorld()
    first = await trained(world)
    for name in ("pipeline.yaml", "parameters.json", "replay.json"):
        there = world.objects.contents[f"s3://models/flights/arr-delay/{first}.replay/{name}"]
        world.objects.contents[f"s3://models/other/arr-delay/{first}.replay/{name}"] = there
    del world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first]
    tag_version(world, package=f"s3://models/other/arr-delay/{first}")
    told = await refused(world, modelVersion="1")
    assert told["reason"] == "Rejected"
    assert "below a place that may be read here (s3://models/flights/)" in told["message"]


async def test_a_copy_that_speaks_of_another_execution_or_of_no_name_is_refused() -> None:
    world = FakeWorld()
    first = await trained(world)
    for change in ({"execution": "arr-delay-0000000000"}, {"trainingRun": "../other/run"}):
        body = world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first]
        record = json.loads(body["data"]["replay.json"]) | change
        kept = body["data"] | {"replay.json": json.dumps(record)}
        world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first] = body | {"data": kept}
        assert (await refused(world, modelVersion="1"))["reason"] == "InvalidCopy"
        world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first] = body


async def test_what_is_compared_with_is_the_namespaces_own_whatever_the_tag_says() -> None:
    world = FakeWorld()
    await trained(world)
    await world.registry.open_run("other/secret", "secret-0123456789", {})
    world.registry.update_run("secret-0123456789", metrics={"revenue": 1e6})
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    for _ in range(3):
        await world.training_runs.reconcile(AGAIN)
    run_id = list(world.registry.runs)[-1]
    await world.registry.tag_run(run_id, {"millwright.replayOf": "secret/secret-0123456789"})
    await world.settle(world.training_runs, AGAIN)
    assert condition(world, "Reproduced")["reason"] == "OriginalGone"
    assert "revenue" not in str(status(world))
