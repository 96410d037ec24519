"""What a run asks quota for."""

from typing import Any

from millwright.api.training_run import NodePoolSelection
from millwright.core import ir
from millwright.core.node_pools import NodePool, NodePools
from millwright.core.queueing import PoolDemand, demands

CPU, GPU = NodePool("cpu"), NodePool("gpu", accelerator="nvidia.com/gpu")
POOLS = NodePools({"cpu": CPU, "gpu": GPU}, default="cpu")
GPUS = {"resourceType": "nvidia.com/gpu", "resourceCount": "2"}


def asked(pools: NodePools, *resources: dict[str, Any]) -> tuple[PoolDemand, ...]:
    """The demands of a pipeline whose steps have these resources."""
    executors = {f"exec-s{i}": {"container": {"image": "x", "resources": r}} for i, r in enumerate(resources)}
    pipeline = ir.Pipeline({"deploymentSpec": {"executors": executors}})
    return demands(pipeline, NodePoolSelection(), pools, {"cpu": "250m"})


def test_one_pod_for_each_pool_as_large_as_its_largest_step() -> None:
    steps = ({"resourceCpuRequest": "1"}, {"resourceCpuRequest": "2"}, {"accelerator": GPUS})
    assert asked(POOLS, *steps) == (
        PoolDemand(CPU, {"cpu": "2"}),
        PoolDemand(GPU, {"cpu": "250m", "nvidia.com/gpu": "2"}),
    )


def test_a_limit_alone_is_a_request_and_a_parameter_counts_as_nothing_said() -> None:
    assert asked(POOLS, {"resourceMemoryLimit": "2Gi"}) == (PoolDemand(CPU, {"cpu": "250m", "memory": "2Gi"}),)
    assert asked(POOLS, {"resourceCpuRequest": "{{$.inputs.parameters['cpu']}}"}) == (PoolDemand(CPU, {}),)


def test_a_platform_without_pools_has_demands_of_no_pool() -> None:
    assert asked(NodePools(), {}) == (PoolDemand(None, {"cpu": "250m"}),)
