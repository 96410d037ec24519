"""What was seen may be old by any number of versions, at any look: nothing is done or told for it."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.faults import Killed
from tests.fakes.world import KEY, FakeWorld, started, training_run
from tests.unit.reconcilers import serving

from millwright.api.training_run import TrainingRunSpec
from millwright.core.execution import Execution, spec_hash
from millwright.ports import DEPLOYMENTS, MODELS, TRAINING_RUNS, DependencyError, Manifest

NAME = "flights.arr-delay"
PLACE = (TRAINING_RUNS.plural, KEY.namespace, KEY.name)
LATE = st.lists(st.one_of(st.just(0), st.integers(0, 12)), max_size=60)
CALLS = st.frozensets(st.integers(1, 25), max_size=4)


def kill(world: FakeWorld, before: frozenset[int], after: frozenset[int]) -> None:
    """At those of the writes to come."""
    world.faults.before, world.faults.after = (frozenset(n + world.faults.calls for n in s) for s in (before, after))


@settings(max_examples=60)
@given(late=LATE, before=CALLS, after=CALLS)
async def test_however_late_the_watch_and_killed_at_any_write_a_run_ends_once(
    late: list[int], before: frozenset[int], after: frozenset[int]
) -> None:
    world = await started(FakeWorld())
    kill(world, before, after)
    world.cache.late = late
    await world.settle(world.training_runs, limit=120)
    world.cache.late = []
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert (len(world.pipelines.launched), world.pipelines.stopped) == (1, [])
    assert len(world.registry.model_versions[NAME]) == 1
    assert [run.status for _, _, run in world.registry.runs.values()] == ["FINISHED"]
    assert not world.cluster.objects[PLACE]["metadata"].get("finalizers")


class Judged(FakeWorld):
    """Whatever is started, or made a version of, is what the TrainingRun that is there asks for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for port, name in ((self.pipelines, "launch"), (self.packaging, "start")):
            setattr(port, name, self._judging(getattr(port, name)))

    def _judging(self, method: Any) -> Any:
        async def call(request: Any, *rest: Any) -> None:
            self._judge(request.execution)
            await method(request, *rest)

        return call

    def _judge(self, execution: Execution) -> None:
        body = self.cluster.objects[PLACE]
        wanted = spec_hash(TrainingRunSpec.model_validate(body["spec"]))
        assert (execution.uid, execution.spec_hash) == (body["metadata"]["uid"], wanted)
        assert "deletionTimestamp" not in body["metadata"]


async def delete(world: FakeWorld) -> None:
    """As a user does: it goes when nobody holds it any more."""
    deleting = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    await world.cluster.patch(TRAINING_RUNS, KEY.namespace, KEY.name, deleting)


async def edit(world: FakeWorld, step: int) -> None:
    """The same, or another one where it is gone."""
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": str(step)}))


def histories(world: FakeWorld) -> dict[str, list[Manifest]]:
    """Of each object of the name, what its status told in turn of executions that have ended."""
    found: dict[str, list[Manifest]] = {}
    for body in world.cluster.past[PLACE]:
        found.setdefault(body["metadata"]["uid"], []).append(body.get("status", {}).get("history", []))
    return found


@settings(max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(["look", "look", "edit", "delete"]), LATE, CALLS), max_size=8))
async def test_however_late_the_watch_only_what_is_asked_for_now_is_started_and_no_result_is_lost(
    steps: list[tuple[str, list[int], frozenset[int]]],
) -> None:
    world = Judged()
    await started(world)
    for number, (what, late, kills) in enumerate(steps):
        kill(world, frozenset(), kills)
        world.cache.late = list(late)
        if what == "delete":
            await delete(world)
        elif what == "edit":
            await edit(world, number)
        for _ in range(4):
            with suppress(Killed, DependencyError):
                await world.training_runs.reconcile(KEY)
    kill(world, frozenset(), frozenset())
    world.cache.late = []
    await world.settle(world.training_runs)
    await edit(world, len(steps))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    for key in world.pipelines.launched:
        assert world.pipelines.launched.count(key) <= 1 + world.pipelines.stopped.count(key)
    assert {run.status for _, _, run in world.registry.runs.values()} <= {"FINISHED", "KILLED"}
    made = [version.tags["millwright.execution"] for version in world.registry.model_versions[NAME]]
    assert len(made) == len(set(made)) and world.status()["execution"] in made
    for told in histories(world).values():
        assert all(len(earlier) <= len(later) for earlier, later in pairwise(told))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["look", "version", "scale"]), LATE), max_size=6))
async def test_however_late_the_watch_a_deployment_never_goes_back_to_what_its_model_named_before(
    steps: list[tuple[str, list[int]]],
) -> None:
    world = await serving.started(FakeWorld())
    await serving.run(world)
    for number, (what, late) in enumerate(steps):
        world.cache.late = []
        if what == "version":
            await serving.new_version(world, f"sha256:{number}")
        elif what == "scale":
            await world.cluster.patch(DEPLOYMENTS, KEY.namespace, KEY.name, {"spec": {"replicas": number + 1}})
        world.cache.late = list(late)
        for _ in range(5):
            serving.run_pods(world)
            with suppress(DependencyError):
                await world.deployments.reconcile(KEY)
    world.cache.late = []
    await serving.run(world)
    wanted = len([what for what, _ in steps if what == "version"]) + 1
    assert world.status(DEPLOYMENTS.plural)["stable"]["version"] == str(wanted)
    assert serving.sets(world) == [serving.served(world)]
    statuses = [body.get("status", {}) for body in world.cluster.past[DEPLOYMENTS.plural, KEY.namespace, KEY.name]]
    tried = [int((s.get("candidate") or s.get("stable") or {"version": "0"})["version"]) for s in statuses]
    assert tried == sorted(tried)


async def test_a_deployment_whose_model_was_deleted_says_so_when_the_watch_tells() -> None:
    world = await serving.started(FakeWorld())
    await serving.run(world)
    del world.cluster.objects[MODELS.plural, KEY.namespace, KEY.name]
    writes = len(world.cluster.writes)
    world.cache.late = [0, 1]
    await world.deployments.reconcile(KEY)
    assert len(world.cluster.writes) == writes
    await world.deployments.reconcile(KEY)
    assert world.condition("Ready", DEPLOYMENTS.plural)["reason"] == "ModelNotFound"
