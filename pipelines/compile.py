"""Compile every factory to `pipelines/<team>/compiled/<name>.yaml`: `python pipelines/compile.py`."""

from pathlib import Path

from kfp import compiler

from carriers.carrier_delay import carrier_delay
from flights.arr_delay import arr_delay

ROOT = Path(__file__).parent
FACTORIES = {
    "flights/compiled/arr-delay.yaml": arr_delay,
    "carriers/compiled/carrier-delay.yaml": carrier_delay,
}


def compile_all(root: Path) -> None:
    """Write all compiled pipelines below `root`."""
    for path, pipeline in FACTORIES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        compiler.Compiler().compile(pipeline, str(root / path))


if __name__ == "__main__":
    compile_all(ROOT)
