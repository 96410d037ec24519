"""The TrainingRun line on fakes: what ends how, and that crashes change nothing."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.world import KEY, FakeWorld, model, started, training_run

from millwright.core.execution import Cause
from millwright.ports import CONFIG_MAPS, MODELS, TRAINING_RUNS, DependencyError

NAME = "flights.arr-delay"


async def test_a_passing_run_becomes_one_version_with_lineage() -> None:
    source = {"repoURL": "https://git.example/x", "revision": "4f2c1d9"}
    world = await started(FakeWorld(), source=source, message="more trees")
    await world.settle(world.training_runs)
    (version,) = world.registry.model_versions[NAME]
    assert world.status()["state"] == "Succeeded"
    assert world.status()["modelVersion"] == "1"
    assert world.condition("Ready")["status"] == "True"
    (run,) = world.registry.tags.values()
    lineage = {"message": "more trees", "source.repoURL": "https://git.example/x", "source.revision": "4f2c1d9"}
    for tags in (run, version.tags):
        assert {f"millwright.{name}": text for name, text in lineage.items()}.items() <= tags.items()
    assert run["mlflow.note.content"] == "more trees", "where MLflow's own page shows it"
    assert version.tags["millwright.execution"] == world.status()["execution"]


async def test_a_settled_run_costs_no_write() -> None:
    world = await started(FakeWorld())
    await world.settle(world.training_runs)
    before = len(world.cluster.writes)
    await world.settle(world.training_runs)
    assert len(world.cluster.writes) == before


async def test_nothing_is_launched_before_the_model_and_the_pipeline_are_there() -> None:
    world = FakeWorld()
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert world.condition("Ready")["reason"] == "ModelNotFound"
    assert world.pipelines.launched == []
    pipeline = world.cluster.objects.pop((CONFIG_MAPS.plural, KEY.namespace, "pipe"))
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    await world.settle(world.training_runs)
    assert world.condition("Ready")["reason"] == "PipelineNotFound"
    world.cluster.put(CONFIG_MAPS, pipeline)
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"


async def test_a_failed_step_is_named_in_status() -> None:
    cause = Cause("Error", "Traceback\nValueError: no rows", task="train", pod_name="pod-1", exit_code=1)
    world = await started(FakeWorld(outcomes=(cause,)))
    await world.settle(world.training_runs)
    failure = world.status()["failure"]
    assert failure == {
        "reason": "Error",
        "task": "train",
        "podName": "pod-1",
        "exitCode": 1,
        "message": "Traceback\nValueError: no rows",
    }
    assert world.condition("Stalled")["status"] == "True"
    assert NAME not in world.registry.model_versions


async def test_a_failed_attempt_is_tried_again_up_to_the_limit() -> None:
    cause = Cause("Error", "flaky")
    world = await started(FakeWorld(outcomes=(cause, None)), backoffLimit=1)
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert world.status()["attempt"] == 2
    assert [entry["outcome"] for entry in world.status()["history"]] == ["Succeeded", "Error"]


async def test_what_can_never_work_is_not_tried_again() -> None:
    cause = Cause("InvalidParameter", "no such parameter", final=True)
    world = await started(FakeWorld(outcomes=(cause,)), backoffLimit=5)
    await world.settle(world.training_runs)
    assert len(world.pipelines.launched) == 1
    assert world.condition("Ready")["reason"] == "InvalidParameter"


async def test_a_gate_that_fails_registers_nothing_and_a_lower_one_needs_no_new_training() -> None:
    gate = {"metric": "roc_auc", "operator": ">=", "threshold": 0.9}
    world = await started(FakeWorld(), gates=[gate])
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    world.registry.update_run(world.pipelines.launched[0], metrics={"roc_auc": 0.7})
    await world.settle(world.training_runs)
    assert world.condition("Ready")["reason"] == "GatesFailed"
    assert NAME not in world.registry.model_versions
    world.cluster.put(TRAINING_RUNS, training_run(gates=[gate | {"threshold": 0.6}]))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert [version.metrics for version in world.registry.model_versions[NAME]] == [{"roc_auc": 0.7}]
    assert len(world.pipelines.launched) == 1


async def test_a_changed_parameter_ends_the_execution_under_way_and_starts_another() -> None:
    world = await started(FakeWorld())
    for _ in range(3):
        await world.training_runs.reconcile(KEY)
    (first,) = world.pipelines.launched
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "1-6"}))
    await world.settle(world.training_runs)
    assert world.pipelines.stopped == [first]
    assert len(world.pipelines.launched) == 2
    assert len(world.registry.model_versions[NAME]) == 1
    assert [run.status for _, _, run in world.registry.runs.values()] == ["KILLED", "FINISHED"]


@pytest.mark.parametrize("reason", ["Preempted", "WorkflowDropped"])
async def test_an_attempt_that_the_platform_took_away_does_not_count(reason: str) -> None:
    lost = Cause(reason, "a more important pod needed the node")
    world = await started(FakeWorld(outcomes=(lost, lost, None)), backoffLimit=0)
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert (world.status()["attempt"], world.status()["failures"]) == (3, 0)


async def test_a_failed_run_whose_job_is_gone_does_not_train_again() -> None:
    world = await started(FakeWorld(outcomes=(Cause("Error", "no rows"),)))
    await world.settle(world.training_runs)
    world.pipelines.runs.clear()
    world.cluster.put(TRAINING_RUNS, training_run(message="better words"))
    await world.settle(world.training_runs)
    assert len(world.pipelines.launched) == 1
    assert world.status()["failure"]["message"] == "no rows"


async def test_children_go_after_their_time_and_nothing_else_does() -> None:
    world = await started(FakeWorld(), ttlSecondsAfterFinished=600)
    await world.settle(world.training_runs)
    assert world.pipelines.runs
    world.clock.time += timedelta(minutes=11)
    await world.settle(world.training_runs)
    assert not world.pipelines.runs
    assert world.status()["state"] == "Succeeded"
    assert "pipelineRun" not in world.status()
    writes = len(world.cluster.writes)
    await world.settle(world.training_runs)
    assert len(world.cluster.writes) == writes


async def test_one_can_search_for_runs_that_failed_for_a_reason() -> None:
    world = await started(FakeWorld(outcomes=(Cause("OOMKilled", "killed"),)))
    await world.settle(world.training_runs)
    labels = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]["metadata"]["labels"]
    assert labels == {"millwright.dev/failure-reason": "OOMKilled"}
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "1-6"}))
    await world.settle(world.training_runs)
    assert labels == {}


async def test_a_run_that_was_opened_and_never_launched_is_closed_when_the_spec_changes() -> None:
    world = await started(FakeWorld())
    finalizer_and_run = 2
    world.faults.after = frozenset({world.faults.calls + finalizer_and_run})
    with pytest.raises(Killed):
        await world.training_runs.reconcile(KEY)
    assert world.pipelines.launched == []
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "1-6"}))
    await world.settle(world.training_runs)
    assert [run.status for _, _, run in world.registry.runs.values()] == ["KILLED", "FINISHED"]


async def test_a_changed_message_does_not_train_again_even_when_the_job_is_gone() -> None:
    world = await started(FakeWorld())
    await world.settle(world.training_runs)
    world.pipelines.runs.clear()
    world.cluster.put(TRAINING_RUNS, training_run(message="better words"))
    await world.settle(world.training_runs)
    assert len(world.pipelines.launched) == 1
    assert world.status()["observedGeneration"] == 2


async def test_suspend_stops_and_resume_goes_on() -> None:
    world = await started(FakeWorld())
    await world.training_runs.reconcile(KEY)
    world.cluster.put(TRAINING_RUNS, training_run(suspend=True))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Suspended"
    assert not world.pipelines.runs
    world.cluster.put(TRAINING_RUNS, training_run())
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED"]


async def test_a_registry_that_is_down_is_said_and_tried_again() -> None:
    world = await started(FakeWorld())

    async def down(*_: object) -> None:
        raise DependencyError("mlflow", "connection refused")

    world.registry.open_run = world.registry.find_run = down  # type: ignore[method-assign, assignment]
    with pytest.raises(DependencyError):
        await world.training_runs.reconcile(KEY)
    assert world.condition("Ready")["reason"] == "MlflowUnavailable"
    assert world.condition("Reconciling")["status"] == "True"


@settings(max_examples=150)
@given(before=st.frozensets(st.integers(1, 25), max_size=6), after=st.frozensets(st.integers(1, 25), max_size=6))
async def test_killed_at_any_write_or_with_any_reply_lost_the_end_is_the_same(
    before: frozenset[int], after: frozenset[int]
) -> None:
    world = FakeWorld()
    await started(world)
    world.faults.before, world.faults.after = (frozenset(n + world.faults.calls for n in s) for s in (before, after))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert len(world.pipelines.launched) == 1
    assert len(world.registry.model_versions[NAME]) == 1
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED"]
    body = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    assert not body["metadata"].get("finalizers")
