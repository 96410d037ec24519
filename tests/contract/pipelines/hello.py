"""The pipeline of the contract suite; `python tests/contract/pipelines/hello.py` compiles it to hello.yaml."""

from pathlib import Path

from kfp import compiler, dsl

component = dsl.component(install_kfp_package=False, base_image="millwright.local/runner:dev")


@component
def greet(name: str) -> str:
    print(f"hello {name}")
    return name


@component
def finish(name: str, error: str, seconds: int):
    import sys
    import time

    time.sleep(seconds)
    if error:
        print("before the end")
        sys.exit(error)


@dsl.pipeline(name="hello")
def hello(name: str = "world", error: str = "", seconds: int = 0):
    """Greets, waits, and ends as it is told."""
    finish(name=greet(name=name).output, error=error, seconds=seconds)


if __name__ == "__main__":
    compiler.Compiler().compile(hello, str(Path(__file__).with_suffix(".yaml")))
