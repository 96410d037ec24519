"""What runs on Kubeflow look like; `python tests/e2e/pipelines/shapes.py` compiles it to shapes.yaml and ending.yaml.

`shapes`: steps in a row, a loop, a branch, a step that asks for a GPU, and a last one that ends as it is told.
`ending`: the last one alone, where only the end matters: its pods, and none of the others'.
"""

from pathlib import Path

from kfp import compiler, dsl

IMAGE = "millwright.local/runner:dev"
component = dsl.component(install_kfp_package=False, base_image=IMAGE)


@component
def count(slices: int) -> list[int]:
    return list(range(slices))


@component
def square(number: int) -> int:
    return number * number


@component
def accelerate() -> str:
    import socket

    return socket.gethostname()


@component
def finish(mode: str, seconds: int):
    import sys
    import time

    import mlflow
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    time.sleep(seconds)
    if mode == "exit":
        print("the last words of the user's code")
        sys.exit(3)
    if mode == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(16_000_000))
    rows, kinds = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(rows, kinds)
    mlflow.log_metric("accuracy", model.score(rows, kinds))
    mlflow.sklearn.log_model(model, name="model", input_example=rows.head(20), pip_requirements=[])


def last(mode: str, seconds: int) -> dsl.PipelineTask:
    task = finish(mode=mode, seconds=seconds)
    return task.set_memory_request("64M").set_memory_limit("1G").set_caching_options(False)


@dsl.pipeline(name="shapes")
def shapes(slices: int = 0, gpu: bool = False, mode: str = "good", seconds: int = 0):
    """Looks as it is told."""
    numbers = count(slices=slices)
    with dsl.ParallelFor(numbers.output, name="slices", parallelism=5) as number:
        square(number=number).set_cpu_request("50m")
    with dsl.If(gpu == True, name="with-gpu"):  # noqa: E712 - kfp compiles the comparison
        accelerate().set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1).set_caching_options(False)
    last(mode, seconds).after(numbers)


@dsl.pipeline(name="ending")
def ending(mode: str = "good", seconds: int = 0):
    """Ends as it is told."""
    last(mode, seconds)


if __name__ == "__main__":
    for pipeline in (shapes, ending):
        compiler.Compiler().compile(pipeline, str(Path(__file__).with_name(f"{pipeline.name}.yaml")))
