"""What is committed is what the sources compile to."""

import warnings
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


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
