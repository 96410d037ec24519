"""What a pipeline must be for the runner, and what a person is told to change."""

import pytest
from kfp import compiler, dsl

from millwright_runner import ir
from millwright_runner.outcome import Rejected


def test_a_step_with_an_image_of_its_own_is_refused_with_a_way_out(tmp_path):
    @dsl.container_component
    def train():
        return dsl.ContainerSpec(image="alpine", command=["true"])

    @dsl.pipeline(name="own-image")
    def own_image():
        train()

    compiler.Compiler().compile(own_image, str(tmp_path / "pipeline.yaml"))
    with pytest.raises(Rejected, match=r"exec-train is a container component.*function with @dsl\.component\.$"):
        ir.read(tmp_path / "pipeline.yaml")
