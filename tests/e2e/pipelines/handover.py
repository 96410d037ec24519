"""One step hands a file to the next; `python tests/e2e/pipelines/handover.py` compiles it to handover.yaml.

The first may be answered from a cache, the second never is.
"""

from pathlib import Path

from kfp import compiler, dsl

component = dsl.component(install_kfp_package=False, base_image="millwright.local/runner:dev")


@component
def write(text: str, note: dsl.Output[dsl.Artifact]):
    with open(note.path, "w") as file:
        file.write(text)


@component
def read(note: dsl.Input[dsl.Artifact]):
    with open(note.path) as file:
        print(file.read())


@dsl.pipeline(name="handover")
def handover(text: str = "hello"):
    """Writes a note and reads it."""
    read(note=write(text=text).outputs["note"]).set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(handover, str(Path(__file__).with_suffix(".yaml")))
