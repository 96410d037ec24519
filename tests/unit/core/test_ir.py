"""Compiled pipelines: reading, writing, their steps, and which the embedded backend accepts."""

import pytest
import yaml
from tests.fakes.world import IR

from millwright.core import ir
from millwright.core.steps import Accelerator, Step

PLATFORM = "platforms: {kubernetes: {deploymentSpec: {executors: {exec-train: {imagePullPolicy: Always}}}}}"
PLACEHOLDER = "{{$.inputs.parameters['pipelinechannel--size']}}"


def of(*containers: object) -> ir.Pipeline:
    """A pipeline with a step `step-1`, `step-2`, … per container."""
    executors = {f"exec-step-{n}": {"container": c} for n, c in enumerate(containers, 1)}
    return ir.parse(yaml.safe_dump({"pipelineInfo": {"name": "p"}, "deploymentSpec": {"executors": executors}}))


def test_a_pipeline_of_python_components_runs_in_the_platforms_image() -> None:
    pipeline = ir.parse(IR)
    assert ir.image_for_embedded(pipeline) is None


def test_the_one_image_that_steps_name_is_used() -> None:
    assert ir.image_for_embedded(ir.parse(IR.replace("python:3.11", "example/team:7"))) == "example/team:7"


@pytest.mark.parametrize("text", [IR, f"{IR}\n---\n{PLATFORM}"], ids=["one document", "two documents"])
def test_what_is_written_is_read_back_the_same(text: str) -> None:
    pipeline = ir.parse(text)
    assert ir.parse(pipeline.text()) == pipeline


def test_the_second_document_is_the_platforms() -> None:
    assert ir.parse(f"{IR}\n---\n{PLATFORM}").platform_executors == {"exec-train": {"imagePullPolicy": "Always"}}
    assert ir.parse(IR).platform_executors == {}


def test_a_text_that_looks_like_a_date_stays_a_text() -> None:
    assert ir.parse(IR.replace("name: arr-delay", "name: 2013-01-01")).spec["pipelineInfo"] == {"name": "2013-01-01"}


def test_a_star_that_is_no_alias_is_no_reason_to_refuse() -> None:
    assert of({"image": "i", "command": ["def f(a, *b): return a *b"]}).steps


DEMANDS = {
    "a step that asks for nothing": ({"image": "i"}, Step("step-1", "i", {}, {})),
    "texts go before numbers": (
        {"image": "i", "resources": {"cpuLimit": 1.0, "resourceCpuLimit": "1500m"}},
        Step("step-1", "i", {}, {"cpu": "1500m"}),
    ),
    "numbers alone are cores and GB": (
        {"image": "i", "resources": {"cpuRequest": 0.5, "memoryLimit": 2.147483648}},
        Step("step-1", "i", {"cpu": "0.5"}, {"memory": "2.147483648G"}),
    ),
    "an accelerator in old words": (
        {"image": "i", "resources": {"accelerator": {"type": "nvidia.com/gpu", "count": "2"}}},
        Step("step-1", "i", {}, {}, Accelerator("nvidia.com/gpu", 2)),
    ),
    "an accelerator in new words": (
        {"image": "i", "resources": {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"}}},
        Step("step-1", "i", {}, {}, Accelerator("nvidia.com/gpu", 1)),
    ),
    "none of an accelerator is no wish": (
        {"image": "i", "resources": {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "0"}}},
        Step("step-1", "i", {}, {}),
    ),
    "parameters are left alone": (
        {
            "image": "i",
            "resources": {
                "resourceMemoryRequest": PLACEHOLDER,
                "accelerator": {"resourceType": PLACEHOLDER, "resourceCount": PLACEHOLDER},
            },
        },
        Step("step-1", "i", {"memory": PLACEHOLDER}, {}, Accelerator(None, None)),
    ),
}


@pytest.mark.parametrize(("container", "step"), DEMANDS.values(), ids=DEMANDS.keys())
def test_a_step_says_what_it_asks_for(container: object, step: Step) -> None:
    assert of(container).steps == (step,)


def test_importers_and_volume_operations_are_no_steps() -> None:
    text = IR.replace("executors:", "executors:\n    exec-importer: {importer: {}}")
    assert [step.name for step in ir.parse(text).steps] == ["train"]
    assert of({"image": "argostub/createpvc"}).steps == ()


REFUSED = {
    "text that is no YAML": ("a: [", "not YAML"),
    "YAML that is no pipeline": ("kind: Pod", "no compiled pipeline"),
    "a list for executors": ("{pipelineInfo: {name: p}, deploymentSpec: {executors: [a]}}", "deploymentSpec.executors"),
    "an executor of another name": (IR.replace("exec-train", "train"), "exec-"),
    "a number for an image": (IR.replace('"python:3.11"', "3.11"), "exec-train.container.image"),
    "a text for resources": (IR.replace("image:", "resources: big, image:"), "container.resources"),
    "a platform of another shape": (
        f"{IR}\n---\n{PLATFORM.replace('Policy: Always', 'Policy: a, tolerations: b')}",
        "tol",
    ),
    "no executors": ("pipelineInfo: {name: p}", "no steps"),
    "a third document": (f"{IR}\n---\n{PLATFORM}\n---\n{PLATFORM}", "one document"),
    "a second pipeline": (f"{IR}\n---\n{IR}", "one document"),
    "aliases": (f"{IR}\na: &a [1]\nb: *a", "without them"),
    "an amount that is none": (IR.replace("image:", "resources: {resourceCpuLimit: many}, image:"), "step train, cpu"),
    "a negative amount": (IR.replace("image:", "resources: {cpuLimit: -1}, image:"), "step train, cpu"),
    "a share of an accelerator": (
        IR.replace("image:", "resources: {accelerator: {type: gpu, resourceCount: '0.5'}}, image:"),
        "whole number",
    ),
    "a container component": (IR.replace("kfp.dsl.executor_main", "echo"), "container component"),
    "packages installed at start": (IR.replace("[python,", "[pip install x,"), "installs packages"),
    "an importer": (IR.replace("{container:", "{importer:"), "kind importer"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(ir.InvalidPipeline, match=why):
        ir.image_for_embedded(ir.parse(text))
