"""Users, and tools that apply for them, own all fields of our kinds but the status, a finalizer and a label."""

from typing import Any

import pytest
from tests.fakes.states import answer, look
from tests.fakes.world import FakeWorld, deployment, started, training_run

from millwright.api.kinds import KINDS
from millwright.core.execution import Cause
from millwright.ports import DEPLOYMENTS, TRAINING_RUNS, Manifest, Resource

OURS = {kind.plural for kind in KINDS}
MAY_BE_PATCHED = {
    "metadata.resourceVersion",  # of what was read: no change, but a condition
    "metadata.finalizers",
    "metadata.labels.millwright.dev/failure-reason",
}


def fields(patch: Any, path: str = "") -> set[str]:
    if not isinstance(patch, dict):
        return {path.removeprefix(".")}
    return {field for key, value in patch.items() for field in fields(value, f"{path}.{key}")}


async def a_run_fails_and_another_is_served(world: FakeWorld) -> None:
    world.cluster.put(DEPLOYMENTS, deployment())
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run(parameters={"train_months": "1-6"}))
    await world.settle(world.training_runs)
    await world.settle(world.models)
    await look(world.deployments)
    answer(world)
    await look(world.deployments, 12)
    assert world.condition("Ready", DEPLOYMENTS.plural)["status"] == "True"


async def test_the_operator_writes_status_a_finalizer_and_a_label_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await started(FakeWorld(outcomes=(Cause("OOMKilled", "killed"), None)))
    patch = world.cluster.patch
    patched: set[str] = set()

    async def noted(resource: Resource, namespace: str, name: str, body: Manifest) -> Manifest | None:
        patched.update(fields(body) if resource.plural in OURS else ())
        return await patch(resource, namespace, name, body)

    monkeypatch.setattr(world.cluster, "patch", noted)
    await a_run_fails_and_another_is_served(world)
    assert {verb for verb, plural, _ in world.cluster.writes if plural in OURS} == {"status", "patch"}
    assert patched == MAY_BE_PATCHED
