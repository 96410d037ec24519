"""Which pipelines the embedded backend accepts."""

import pytest
from tests.fakes.world import IR

from millwright.core import ir


def test_a_pipeline_of_python_components_runs_in_the_platforms_image() -> None:
    pipeline = ir.parse(IR)
    assert ir.image_for_embedded(pipeline) is None


def test_the_one_image_that_steps_name_is_used() -> None:
    assert ir.image_for_embedded(ir.parse(IR.replace("python:3.11", "example/team:7"))) == "example/team:7"


REFUSED = {
    "text that is no YAML": ("a: [", "not YAML"),
    "YAML that is no pipeline": ("kind: Pod", "no compiled pipeline"),
    "a container component": (IR.replace("kfp.dsl.executor_main", "echo"), "container component"),
    "packages installed at start": (IR.replace("[python,", "[pip install x,"), "installs packages"),
    "an importer": (IR.replace("{container:", "{importer:"), "kind importer"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(ir.InvalidPipeline, match=why):
        ir.image_for_embedded(ir.parse(text))
