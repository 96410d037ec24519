"""An execution's copy is of what is launched, whatever was there before."""

from dataclasses import replace

from tests.fakes.cluster import FakeCluster
from tests.fakes.world import IR

from millwright.adapters import copies
from millwright.api.training_run import TrainingRunSpec
from millwright.core import ir
from millwright.core.actions import Launch
from millwright.core.execution import Execution, ObjectKey
from millwright.core.ir import Pipeline
from millwright.ports import CONFIG_MAPS

SPEC = TrainingRunSpec.model_validate({"pipeline": {"configMapRef": {"name": "p"}}, "output": {"model": "m"}})
EXECUTION = Execution(ObjectKey("flights", "arr-delay"), "uid", "hash", 1)
LAUNCH = Launch(EXECUTION, ir.parse(IR), {"train_months": "1"}, SPEC, {"schemaVersion": 1})


async def kept(cluster: FakeCluster) -> Pipeline:
    body = await cluster.get(CONFIG_MAPS, "flights", EXECUTION.key)
    assert body is not None and body["immutable"] and body["metadata"]["ownerReferences"][0]["uid"] == "uid"
    return ir.parse(body["data"]["pipeline.yaml"])


async def test_kept_twice_it_is_written_once() -> None:
    cluster = FakeCluster()
    for _ in range(2):
        await copies.keep(cluster, LAUNCH)
    assert cluster.writes == [("create", "configmaps", EXECUTION.key)]
    assert await kept(cluster) == LAUNCH.pipeline


async def test_a_copy_of_a_launch_that_came_to_nothing_is_replaced() -> None:
    cluster, changed = FakeCluster(), ir.parse(IR + "sdkVersion: kfp-2.17.0\n")
    await copies.keep(cluster, LAUNCH)
    await copies.keep(cluster, replace(LAUNCH, pipeline=changed))
    assert await kept(cluster) == changed


async def test_dropped_twice_it_is_gone() -> None:
    cluster = FakeCluster()
    await copies.keep(cluster, LAUNCH)
    for _ in range(2):
        await copies.drop(cluster, EXECUTION, EXECUTION.key)
    assert await cluster.get(CONFIG_MAPS, "flights", EXECUTION.key) is None
