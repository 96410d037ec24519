"""Where the embedded backend's single pod runs, and how large it is."""

import json
from typing import Any

import pytest

from millwright.api.training_run import NodePoolSelection
from millwright.core import ir
from millwright.core.node_pools import InvalidPlacement, NodePool, NodePools
from millwright.core.strongest import PodPlacement, strongest

CPU = NodePool("cpu", requests={"cpu": "500m"}, limits={"memory": "2Gi"})
BIG, GPU, TPU = (
    NodePool("big"),
    NodePool("gpu", accelerator="nvidia.com/gpu"),
    NodePool("tpu", accelerator="google.com/tpu"),
)
POOLS = NodePools({pool.name: pool for pool in (CPU, BIG, GPU, TPU)}, default="cpu")
NONE: dict[str, Any] = {}
ONE_GPU = {"accelerator": {"type": "nvidia.com/gpu", "count": "1"}}
TWO_GPUS = {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "2"}}
ONE_TPU = {"accelerator": {"type": "google.com/tpu", "count": "1"}}
PARAMETER = "{{$.inputs.parameters['pipelinechannel--size']}}"


def pod(spec: dict[str, Any], pools: NodePools, *resources: dict[str, Any]) -> PodPlacement:
    """Of a pipeline with steps `s1`, `s2`, … that ask for these resources."""
    executors = {f"exec-s{n}": {"container": {"image": "i", "resources": r}} for n, r in enumerate(resources, 1)}
    text = json.dumps({"pipelineInfo": {"name": "p"}, "deploymentSpec": {"executors": executors}})
    selection = NodePoolSelection.model_validate(spec)
    return strongest(ir.parse(text), selection, pools, {"cpu": "250m"}, {"memory": "4Gi"})


PLACES: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], ...], str]] = {
    "the default pool, where no step is special": (NONE, (NONE, NONE), "cpu"),
    "the pool that the spec names": ({"default": "big"}, (NONE,), "big"),
    "the pool of the one step that asks for an accelerator": (NONE, (NONE, ONE_GPU), "gpu"),
    "the pool of the accelerator, whatever other steps were sent to": (
        {"steps": {"s1": "big"}},
        (NONE, ONE_GPU),
        "gpu",
    ),
    "the pool that one step was sent to": ({"steps": {"s1": "big"}}, (NONE, NONE), "big"),
    "the pool that one step was sent to, where another is sent to the default": (
        {"steps": {"s1": "big", "s2": "cpu"}},
        (NONE, NONE),
        "big",
    ),
}


@pytest.mark.parametrize(("spec", "resources", "pool"), PLACES.values(), ids=PLACES.keys())
def test_the_pod_goes_to(spec: dict[str, Any], resources: tuple[dict[str, Any], ...], pool: str) -> None:
    found = pod(spec, POOLS, *resources).pool
    assert found is not None and found.name == pool


def test_without_pools_the_pod_goes_anywhere() -> None:
    assert pod({}, NodePools(), ONE_GPU) == PodPlacement(
        None, {"cpu": "250m", "memory": "4Gi"}, {"memory": "4Gi", "nvidia.com/gpu": "1"}
    )


SIZES: dict[str, tuple[tuple[dict[str, Any], ...], dict[str, str], dict[str, str]]] = {
    "the defaults, where no step says anything": ((NONE,), {"cpu": "500m", "memory": "2Gi"}, {"memory": "2Gi"}),
    "the largest request": (
        ({"cpuRequest": 0.6}, {"resourceCpuRequest": "1500m"}, NONE),
        {"cpu": "1500m", "memory": "2Gi"},
        {"memory": "2Gi"},
    ),
    "the largest limit, if every step has one": (
        ({"resourceMemoryLimit": "3Gi"}, {"memoryLimit": 1.0}, NONE),
        {"cpu": "500m", "memory": "3Gi"},
        {"memory": "3Gi"},
    ),
    "no limit, if one step has none": (
        ({"resourceMemoryLimit": "3Gi"}, {"resourceMemoryRequest": "1Gi"}),
        {"cpu": "500m", "memory": "3Gi"},
        {},
    ),
    "the defaults for what a parameter decides": (
        ({"resourceMemoryLimit": PARAMETER},),
        {"cpu": "500m", "memory": "2Gi"},
        {"memory": "2Gi"},
    ),
}


@pytest.mark.parametrize(("resources", "requests", "limits"), SIZES.values(), ids=SIZES.keys())
def test_the_pod_is_as_large_as(
    resources: tuple[dict[str, Any], ...], requests: dict[str, str], limits: dict[str, str]
) -> None:
    found = pod({}, POOLS, *resources)
    assert (found.requests, found.limits) == (requests, limits)


def test_the_pod_has_the_most_accelerators_that_one_step_asks_for() -> None:
    assert pod({}, POOLS, ONE_GPU, TWO_GPUS).limits["nvidia.com/gpu"] == "2"


def test_the_pod_has_one_accelerator_where_a_parameter_decides_how_many() -> None:
    asked = {"accelerator": {"resourceType": PARAMETER, "resourceCount": PARAMETER}}
    assert pod({"accelerator": "tpu"}, POOLS, asked).limits["google.com/tpu"] == "1"


REFUSED: dict[str, tuple[dict[str, Any], NodePools, tuple[dict[str, Any], ...], str]] = {
    "two accelerators": (NONE, POOLS, (ONE_GPU, ONE_TPU), "steps s1, s2 need node pools gpu, tpu"),
    "two accelerators on a platform without pools": (NONE, NodePools(), (ONE_GPU, ONE_TPU), "different accelerators"),
    "two overrides": ({"steps": {"s1": "big", "s2": "gpu"}}, POOLS, (NONE, NONE), "need node pools big, gpu"),
}


@pytest.mark.parametrize(("spec", "pools", "resources", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_single_pool_meets_is_refused(
    spec: dict[str, Any], pools: NodePools, resources: tuple[dict[str, Any], ...], why: str
) -> None:
    with pytest.raises(InvalidPlacement, match=why):
        pod(spec, pools, *resources)
