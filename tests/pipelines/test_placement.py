"""What the operator places is IR to Kubeflow's own parser, and its steps are those that kfp wrote."""

from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp import compiler, dsl
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec
from tiny import all_kinds, double

from millwright.core import ir
from millwright.core.environment import SecretEnvironment
from millwright.core.node_pools import NodePool, NodePools, Toleration
from millwright.core.placement import Placement, place
from millwright.core.steps import Accelerator

ROOT = Path(__file__).parents[2]
COMPILED = [
    *sorted((ROOT / "pipelines").glob("*/compiled/*.yaml")),
    ROOT / "tests/contract/pipelines/hello.yaml",
    ROOT / "examples/own-pipeline/pipeline.yaml",
]
PLACEMENT = Placement(
    NodePools(
        {
            "cpu": NodePool("cpu", {"pool": "cpu"}, requests={"cpu": "250m"}, limits={"memory": "2Gi"}),
            "gpu": NodePool(
                "gpu", {"pool": "gpu"}, (Toleration("gpu", "Exists", "", "NoExecute", 30),), "nvidia.com/gpu"
            ),
        },
        default="cpu",
    ),
    image="example/runner:1",
    environment={"MLFLOW_RUN_ID": "r1"},
    secrets=(SecretEnvironment("storage", ("AWS_ACCESS_KEY_ID",)),),
    labels={"millwright.dev/model": "arr-delay"},
)


@dsl.pipeline(name="demanding")
def demanding(memory: str = "2Gi", kind: str = "nvidia.com/gpu"):
    plain = double(number=1)
    small = double(number=plain.output).set_cpu_request("500m").set_memory_limit("512Mi")
    fast = double(number=small.output).set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(2)
    double(number=fast.output).set_memory_limit(memory).set_accelerator_type(kind).set_accelerator_limit(1)


def compiled(pipeline, folder) -> str:
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    return path.read_text()


def accepted(pipeline: ir.Pipeline) -> None:
    """By the parsers of both documents, and without loss."""
    for document, message in ((pipeline.spec, PipelineSpec()), (pipeline.platform, PlatformSpec())):
        json_format.ParseDict(document, message)
        assert json_format.MessageToDict(message) == document


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_a_committed_pipeline_is_ir_after_placing(path):
    placed = place(ir.parse(path.read_text()), PLACEMENT)
    accepted(ir.parse(placed.pipeline.text()))
    assert set(placed.pool_of.values()) <= {"cpu", "gpu"}


@pytest.mark.parametrize("pipeline", [all_kinds, demanding], ids=lambda pipeline: pipeline.name)
def test_what_kfp_compiles_is_ir_after_placing(pipeline, tmp_path):
    accepted(ir.parse(place(ir.parse(compiled(pipeline, tmp_path)), PLACEMENT).pipeline.text()))


def test_demands_are_read_as_kfp_writes_them(tmp_path):
    plain, small, fast, varying = ir.parse(compiled(demanding, tmp_path)).steps
    assert (plain.requests, plain.limits, plain.accelerator) == ({}, {}, None)
    assert (small.requests, small.limits) == ({"cpu": "500m"}, {"memory": "512Mi"})
    assert fast.accelerator == Accelerator("nvidia.com/gpu", 2)
    assert varying.accelerator == Accelerator(None, 1)
    assert "pipelinechannel--memory" in varying.limits["memory"]


def test_steps_with_accelerators_are_placed_where_they_are(tmp_path):
    placed = place(ir.parse(compiled(demanding, tmp_path)), PLACEMENT)
    assert placed.pool_of == {"double": "cpu", "double-2": "cpu", "double-3": "gpu", "double-4": "gpu"}
