"""Replays on fakes: an execution runs again as it was, is compared, and becomes no version."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.world import IR, KEY, FakeWorld, model, training_run
from tests.unit.reconcilers.replays import AGAIN, METRICS, NAME, condition, replay, run, status, trained

from millwright.core import ir
from millwright.core.execution import Cause
from millwright.ports import CONFIG_MAPS, MODELS, TRAINING_RUNS, DependencyError


def change_pipeline(world: FakeWorld, text: str) -> None:
    metadata = {"name": "pipe", "namespace": KEY.namespace}
    world.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": {"pipeline.yaml": text}})


@pytest.mark.parametrize("pruned", [False, True], ids=["copy in the cluster", "copy in S3"])
@pytest.mark.parametrize("by", ["modelVersion", "execution"])
async def test_a_version_is_made_again_as_it_was(by: str, pruned: bool) -> None:
    world = FakeWorld()
    first = await trained(world)
    change_pipeline(world, IR.replace("arr-delay", "another"))
    if pruned:
        del world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first]
    world.cluster.put(TRAINING_RUNS, replay(**{by: "1" if by == "modelVersion" else first}))
    await run(world, AGAIN, METRICS)
    original, again = (world.pipelines.launches[key] for key in world.pipelines.launched)
    assert again.pipeline == original.pipeline == ir.parse(IR)
    assert again.arguments == original.arguments == {"train_months": "1"}
    assert original.may_use_cache and not again.may_use_cache
    assert status(world)["replay"] == {"of": f"arr-delay/{first}", "matches": True, "differences": []}
    assert condition(world, "Reproduced")["status"] == condition(world, "Ready")["status"] == "True"
    assert (status(world)["state"], status(world)["history"][0]["outcome"]) == ("Succeeded", "Succeeded")


async def test_a_replay_registers_and_packages_nothing_and_says_so() -> None:
    world = FakeWorld()
    first = await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, METRICS)
    assert len(world.registry.model_versions[NAME]) == 1
    assert world.packaging.started == [first]
    assert "modelVersion" not in status(world)
    assert not condition(world, "ModelRegistered") and not condition(world, "GatesPassed")
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED", "FINISHED"]
    body = world.cluster.objects[TRAINING_RUNS.plural, AGAIN.namespace, AGAIN.name]
    assert not body["metadata"].get("finalizers")


async def test_a_replay_has_a_run_of_its_own_with_the_lineage_of_the_original() -> None:
    world = FakeWorld()
    first = await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, METRICS)
    before, tags = world.registry.tags.values()
    assert tags["millwright.replayOf"] == f"arr-delay/{first}" and "millwright.replayOf" not in before
    for name in ("pipeline.digest", "arguments", "images", "dataset.flights", "source.revision", "platform"):
        assert tags[f"millwright.{name}"] == before[f"millwright.{name}"]
    assert [experiment for experiment, _, _ in world.registry.runs.values()] == ["flights/arr-delay", "flights/again"]


async def test_a_replay_can_be_replayed() -> None:
    world = FakeWorld()
    await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, METRICS)
    second = status(world)["history"][0]["execution"]
    world.cluster.put(TRAINING_RUNS, replay(execution=second))
    await run(world, AGAIN, METRICS)
    assert status(world)["replay"]["of"] == f"again/{second}"
    assert len(set(world.pipelines.launched)) == 3


async def test_metrics_that_differ_are_told_and_the_run_has_succeeded_all_the_same() -> None:
    world = FakeWorld()
    await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, {"roc_auc": 0.7, "loss": math.nan})
    assert status(world)["replay"]["matches"] is False
    assert status(world)["replay"]["differences"] == [{"metric": "roc_auc", "original": "0.75", "replayed": "0.7"}]
    assert condition(world, "Reproduced")["status"] == "False"
    assert "roc_auc was 0.75 and is 0.7" in condition(world, "Ready")["message"]
    assert condition(world, "Ready")["status"] == condition(world, "Succeeded")["status"] == "True"


async def test_a_metric_that_is_no_number_is_compared_and_left_out_of_the_status_which_cannot_hold_it() -> None:
    world = FakeWorld()
    await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, {"roc_auc": 0.75, "loss": 0.5})
    assert status(world)["replay"]["differences"] == [{"metric": "loss", "original": "nan", "replayed": "0.5"}]
    json.dumps(world.status(), allow_nan=False)


async def test_another_tolerance_compares_again_and_trains_nothing() -> None:
    world = FakeWorld()
    await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, {"roc_auc": 0.7, "loss": math.nan})
    world.pipelines.runs.clear()
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1", tolerance=0.1))
    await world.settle(world.training_runs, AGAIN)
    assert condition(world, "Reproduced")["status"] == "True"
    assert len(world.pipelines.launched) == 2


async def test_a_run_that_replays_no_more_says_nothing_of_a_replay() -> None:
    world = FakeWorld()
    await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, METRICS)
    body = training_run()
    body["metadata"] |= {"name": AGAIN.name}
    world.cluster.put(TRAINING_RUNS, body)
    await run(world, AGAIN, METRICS)
    assert "replay" not in status(world) and not condition(world, "Reproduced")
    assert status(world)["modelVersion"] == "2"


async def test_a_replay_that_fails_is_a_failed_run() -> None:
    world = FakeWorld(outcomes=(None, Cause("OOMKilled", "killed")))
    await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await run(world, AGAIN, METRICS)
    assert (status(world)["state"], status(world)["failure"]["reason"]) == ("Failed", "OOMKilled")
    assert not condition(world, "Reproduced")


async def test_a_version_that_comes_later_is_waited_for() -> None:
    world = FakeWorld()
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await world.settle(world.training_runs, AGAIN)
    assert condition(world, "Ready")["reason"] == "ModelNotFound"
    world.cluster.put(MODELS, model())
    await world.settle(world.training_runs, AGAIN)
    assert condition(world, "Ready")["reason"] == "VersionNotFound"
    await trained(world)
    await run(world, AGAIN, METRICS)
    assert condition(world, "Reproduced")["status"] == "True"


async def test_the_mlflow_run_tells_the_pipeline_that_is_launched_even_if_it_changes_at_the_last_moment() -> None:
    world = FakeWorld()
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    world.cluster.put(TRAINING_RUNS, training_run())
    finalizer_and_run = 2
    world.faults.after = frozenset({world.faults.calls + finalizer_and_run})
    with pytest.raises(Killed):
        await world.training_runs.reconcile(KEY)
    assert len(world.registry.runs) == 1 and not world.pipelines.launched
    changed = IR.replace("arr-delay", "another")
    change_pipeline(world, changed)
    await world.settle(world.training_runs)
    (tags,), (key,) = world.registry.tags.values(), world.pipelines.launched
    assert tags["millwright.pipeline.digest"] == ir.parse(changed).digest
    assert world.pipelines.launches[key].pipeline == ir.parse(changed)


async def test_s3_that_is_down_is_said_and_tried_again() -> None:
    world = FakeWorld()
    first = await trained(world)
    del world.cluster.objects[CONFIG_MAPS.plural, KEY.namespace, first]
    contents = world.objects.contents
    world.objects.contents = Down()
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    await world.training_runs.reconcile(AGAIN)
    assert condition(world, "Ready")["reason"] == "S3Unavailable"
    assert condition(world, "Reconciling")["status"] == "True"
    world.objects.contents = contents
    await run(world, AGAIN, METRICS)
    assert condition(world, "Reproduced")["status"] == "True"


class Down(dict[str, bytes]):
    """Storage that does not answer."""

    def get(self, key: str, default: Any = None) -> Any:
        raise DependencyError("s3", f"{key}: connection refused")


@settings(max_examples=150)
@given(before=st.frozensets(st.integers(1, 15), max_size=6), after=st.frozensets(st.integers(1, 15), max_size=6))
async def test_killed_at_any_write_or_with_any_reply_lost_a_replay_ends_the_same(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world = FakeWorld()
    first = await trained(world)
    world.cluster.put(TRAINING_RUNS, replay(modelVersion="1"))
    world.faults.before, world.faults.after = (frozenset(n + world.faults.calls for n in s) for s in (before, after))
    await world.settle(world.training_runs, AGAIN)
    assert status(world)["state"] == "Succeeded"
    assert status(world)["replay"]["of"] == f"arr-delay/{first}"
    assert len(world.pipelines.launched) == 2
    assert len(world.registry.model_versions[NAME]) == 1
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED", "FINISHED"]
    body = world.cluster.objects[TRAINING_RUNS.plural, AGAIN.namespace, AGAIN.name]
    assert not body["metadata"].get("finalizers")
