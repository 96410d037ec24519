"""Which node pool each step of a pipeline runs on."""

from typing import Any

import pytest

from millwright.api.training_run import NodePoolSelection
from millwright.core.node_pools import InvalidPlacement, NodePool, NodePools, choose
from millwright.core.steps import Accelerator, Step

CPU, GPU, A100, TPU = (
    NodePool("cpu"),
    NodePool("gpu", accelerator="nvidia.com/gpu"),
    NodePool("a100", accelerator="nvidia.com/gpu"),
    NodePool("tpu", accelerator="google.com/tpu"),
)
LOAD = Step("load", "i", {}, {})
TRAIN = Step("train", "i", {}, {}, Accelerator("nvidia.com/gpu", 1))
UNKNOWN = Step("train", "i", {}, {}, Accelerator(None, None))


def platform(*pools: NodePool, default: str | None = None) -> NodePools:
    return NodePools({pool.name: pool for pool in pools}, default)


def chosen(steps: tuple[Step, ...], spec: dict[str, Any], pools: NodePools) -> dict[str, str | None]:
    found = choose(steps, NodePoolSelection.model_validate(spec), pools)
    return {step: pool.name if pool else None for step, pool in found.items()}


CHOSEN: dict[str, tuple[tuple[Step, ...], dict[str, Any], NodePools, dict[str, str | None]]] = {
    "a platform without pools places nothing": ((LOAD, TRAIN), {}, platform(), {"load": None, "train": None}),
    "a step that nobody placed runs anywhere": ((LOAD,), {}, platform(CPU), {"load": None}),
    "the platform's default pool": ((LOAD,), {}, platform(CPU, default="cpu"), {"load": "cpu"}),
    "the spec's default goes before the platform's": (
        (LOAD,),
        {"default": "tpu"},
        platform(CPU, TPU, default="cpu"),
        {"load": "tpu"},
    ),
    "an accelerator finds the one pool that offers it": (
        (LOAD, TRAIN),
        {"default": "cpu"},
        platform(CPU, GPU, TPU),
        {"load": "cpu", "train": "gpu"},
    ),
    "the spec chooses among pools that offer it": (
        (TRAIN,),
        {"accelerator": "a100"},
        platform(GPU, A100),
        {"train": "a100"},
    ),
    "an override goes before everything": (
        (LOAD, TRAIN),
        {"default": "cpu", "accelerator": "gpu", "steps": {"load": "tpu", "train": "a100"}},
        platform(CPU, GPU, A100, TPU),
        {"load": "tpu", "train": "a100"},
    ),
    "an accelerator that a parameter names goes to the one pool with any": (
        (UNKNOWN,),
        {},
        platform(CPU, TPU),
        {"train": "tpu"},
    ),
    "an accelerator that a parameter names goes where the spec says": (
        (UNKNOWN,),
        {"accelerator": "gpu"},
        platform(GPU, TPU),
        {"train": "gpu"},
    ),
}


@pytest.mark.parametrize(("steps", "spec", "pools", "expected"), CHOSEN.values(), ids=CHOSEN.keys())
def test_a_step_goes_to(
    steps: tuple[Step, ...], spec: dict[str, Any], pools: NodePools, expected: dict[str, str | None]
) -> None:
    assert chosen(steps, spec, pools) == expected


REFUSED: dict[str, tuple[dict[str, Any], NodePools, str]] = {
    "a default that the platform does not have": (
        {"default": "cpus"},
        platform(CPU, GPU),
        "spec.nodePools.default names node pool cpus, .* one of its pools: cpu, gpu",
    ),
    "an accelerator pool that the platform does not have": (
        {"accelerator": "gpus"},
        platform(CPU, GPU),
        "spec.nodePools.accelerator names node pool gpus, ",
    ),
    "any pool on a platform without pools": ({"default": "cpu"}, platform(), "one of its pools: none"),
    "an override to a pool that the platform does not have": (
        {"steps": {"train": "gpus"}},
        platform(CPU, GPU),
        "spec.nodePools.steps.train names node pool gpus",
    ),
    "an override of a step that the pipeline does not have": (
        {"steps": {"trian": "gpu"}},
        platform(CPU, GPU),
        "names step trian, .* one of its steps: load, train",
    ),
    "an accelerator that no pool offers": (
        {},
        platform(CPU, TPU),
        "step train asks for nvidia.com/gpu, which no node pool offers .*cpu, tpu",
    ),
    "an accelerator that several pools offer": ({}, platform(GPU, A100), "node pools a100, gpu offer; name one"),
    "an accelerator step that is sent to a pool without it": (
        {"steps": {"train": "cpu"}},
        platform(CPU, GPU),
        "spec.nodePools.steps.train sends it to node pool cpu, .* name a pool that does: gpu",
    ),
    "accelerator steps that are sent to a pool of another accelerator": (
        {"accelerator": "tpu"},
        platform(GPU, TPU),
        "spec.nodePools.accelerator sends it to node pool tpu, .* does: gpu",
    ),
}


@pytest.mark.parametrize(("spec", "pools", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_what_to_do(spec: dict[str, Any], pools: NodePools, why: str) -> None:
    with pytest.raises(InvalidPlacement, match=why):
        chosen((LOAD, TRAIN), spec, pools)
