"""What is committed is what the sources compile to."""

import runpy
import shutil
import warnings
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# Sources that compile themselves when they are run, and what they write beside them.
STANDALONE = [
    ("examples/own-pipeline/pipeline.py", "pipeline.yaml"),
    ("tests/bench/pipelines/one_step.py", "one_step.yaml"),
    ("tests/contract/pipelines/hello.py", "hello.yaml"),
    ("tests/e2e/pipelines/shapes.py", "shapes.yaml"),
    ("tests/e2e/pipelines/shapes.py", "ending.yaml"),
]


def test_the_compiled_pipelines_are_current(tmp_path):
    spec = spec_from_file_location("factories", ROOT / "pipelines/compile.py")
    factories = module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(factories)
        factories.compile_all(tmp_path)

    for path in factories.FACTORIES:
        committed = yaml.safe_load((ROOT / "pipelines" / path).read_text())
        assert yaml.safe_load((tmp_path / path).read_text()) == committed, f"run pipelines/compile.py: {path}"


@pytest.mark.parametrize(("source", "compiled"), STANDALONE)
def test_a_source_that_compiles_itself_is_current(source, compiled, tmp_path):
    copy = shutil.copy(ROOT / source, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(copy, run_name="__main__")

    committed = (ROOT / source).with_name(compiled).read_text()
    documents = [list(yaml.safe_load_all(text)) for text in ((tmp_path / compiled).read_text(), committed)]
    assert documents[0] == documents[1], f"run python {source}"
