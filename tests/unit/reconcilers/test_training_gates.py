"""Gates beside another version, on fakes: compared with what, when, and what is kept of the verdict."""

import dataclasses
from typing import Any

from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core import verdicts
from millwright.core.execution import ObjectKey
from millwright.ports import TRAINING_RUNS

NAME = "flights.arr-delay"
RELATIVE = {"metric": "roc_auc", "operator": ">=", "relativeTo": {"alias": "champion"}, "tolerance": 0.01}
NIGHT = {"name": "night", "gates": [{"metric": "roc_auc", "operator": ">=", "threshold": 0.5}]}


async def trained(world: FakeWorld, months: int, metrics: dict[str, float], **spec: Any) -> FakeWorld:
    """Lets the run of other months log these metrics and come to its end; the Model follows."""
    before = len(world.pipelines.launched)
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": str(months)}, **spec))
    world.pipelines.looks = 1000
    while len(world.pipelines.launched) == before:
        await world.training_runs.reconcile(KEY)
    world.registry.update_run(world.pipelines.launched[-1], metrics=metrics)
    world.pipelines.looks = 2
    await world.settle(world.training_runs)
    await world.settle(world.models)
    return world


async def judged(*values: float, **spec: Any) -> FakeWorld:
    """A world in which runs with these values of roc_auc were judged one after the other."""
    world = await started(FakeWorld())
    for month, value in enumerate(values, start=1):
        await trained(world, month, {"roc_auc": value, "roc_auc/night": value - 0.1}, **{"gates": [RELATIVE]} | spec)
    return world


async def test_the_first_version_has_nothing_to_compare_with_and_says_so() -> None:
    world = await judged(0.6)
    assert world.status()["modelVersion"] == "1"
    message = world.condition("GatesPassed")["message"]
    assert message == (
        "1 of 1 gates passed: roc_auc >= champion - 0.01: passes, as champion points to no version of "
        "flights.arr-delay yet"
    )


async def test_a_run_that_is_worse_than_the_champion_becomes_no_version() -> None:
    world = await judged(0.8, 0.7)
    assert world.condition("Ready")["reason"] == "GatesFailed"
    assert world.status()["failure"]["message"] == (
        "roc_auc >= champion - 0.01 does not hold: roc_auc is 0.7, of version 1 0.8"
    )
    assert len(world.registry.model_versions[NAME]) == 1


async def test_a_verdict_stays_what_it_was_when_the_version_was_registered() -> None:
    world = await judged(0.8, 0.795, 0.9)
    said = "roc_auc >= champion - 0.01 holds: roc_auc is 0.9, of version 2 0.795"
    assert world.condition("GatesPassed")["message"] == f"1 of 1 gates passed: {said}"
    (third,) = (v for v in world.registry.model_versions[NAME] if v.number == "3")
    assert [v.message for v in verdicts.read(third.tags)] == [said]
    assert world.registry.models[NAME].aliases == {"champion": "3"}
    body = world.cluster.objects[TRAINING_RUNS.plural, KEY.namespace, KEY.name]
    harder = RELATIVE | {"operator": ">", "tolerance": 0}
    world.cluster.put(TRAINING_RUNS, body | {"spec": body["spec"] | {"gates": [harder], "message": "other words"}})
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    assert world.condition("GatesPassed")["message"] == f"1 of 1 gates passed: {said}"


async def test_an_alias_that_the_model_does_not_name_fails_and_a_corrected_gate_needs_no_new_training() -> None:
    world = await judged(0.8, gates=[RELATIVE | {"relativeTo": {"alias": "chmpion"}}])
    assert "the Model has no alias chmpion (it has: champion)" in world.status()["failure"]["message"]
    spec = {"parameters": {"train_months": "1"}, "gates": [RELATIVE]}
    world.cluster.put(TRAINING_RUNS, training_run(**spec))
    await world.settle(world.training_runs)
    assert world.status()["modelVersion"] == "1"
    assert len(world.pipelines.launched) == 1


async def test_a_version_that_is_not_there_or_whose_run_is_gone_fails() -> None:
    world = await judged(0.8)
    absent = RELATIVE | {"relativeTo": {"version": "9"}}
    await trained(world, 2, {"roc_auc": 0.9}, gates=[absent, RELATIVE])
    assert world.status()["failure"]["message"] == ("roc_auc >= version 9 - 0.01: flights.arr-delay has no version 9")
    (first,) = world.registry.model_versions[NAME]
    del world.registry.runs[first.run_id]
    await trained(world, 3, {"roc_auc": 0.9}, gates=[RELATIVE])
    assert "the MLflow run of version 1 is gone" in world.status()["failure"]["message"]


async def test_every_scenario_must_pass_and_each_tells_its_verdict() -> None:
    absent = {"name": "winter", "gates": NIGHT["gates"]}
    world = await judged(0.8, scenarios=[NIGHT, absent])
    assert world.condition("Ready")["reason"] == "GatesFailed"
    assert [(s["name"], s["passed"]) for s in world.status()["scenarios"]] == [("night", True), ("winter", False)]
    spec = {"parameters": {"train_months": "1"}, "gates": [RELATIVE], "scenarios": [NIGHT]}
    world.cluster.put(TRAINING_RUNS, training_run(**spec))
    await world.settle(world.training_runs)
    assert world.status()["state"] == "Succeeded"
    (night,) = world.status()["scenarios"]
    assert night == {
        "name": "night",
        "passed": True,
        "message": "roc_auc/night >= 0.5 holds: roc_auc/night is 0.7",
    }


async def test_two_runs_at_once_into_one_model_each_become_a_version() -> None:
    world = await judged(0.8)
    other = ObjectKey(KEY.namespace, "other")
    world.pipelines.looks = 1000
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "2"}, gates=[RELATIVE]))
    world.cluster.put(TRAINING_RUNS, training_run(gates=[RELATIVE]) | {"metadata": dataclasses.asdict(other)})
    for _ in range(4):
        for key in (KEY, other):
            await world.training_runs.reconcile(key)
    for launched in world.pipelines.launched[1:]:
        world.registry.update_run(launched, metrics={"roc_auc": 0.81})
    world.pipelines.looks = 2
    for _ in range(6):
        for key in (KEY, other):
            await world.training_runs.reconcile(key)
    made = [v.tags["millwright.trainingRun"] for v in world.registry.model_versions[NAME]]
    assert sorted(made) == ["arr-delay", "arr-delay", "other"]
    told = [verdicts.read(v.tags)[0].message for v in world.registry.model_versions[NAME][1:]]
    assert told == ["roc_auc >= champion - 0.01 holds: roc_auc is 0.81, of version 1 0.8"] * 2
