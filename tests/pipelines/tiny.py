# ruff: noqa: B006, SIM115 (KFP takes defaults from the signature; steps are as short as users write them)
"""Tiny pipelines, one per behaviour of the runner."""

from kfp import dsl
from kfp.dsl import Artifact, Input, Metrics, Output

component = dsl.component(install_kfp_package=False, base_image="millwright.local/runner:dev")


@component
def double(number: int) -> int:
    print(f"doubling {number}")
    return 2 * number


@component
def write(number: int, note: Output[Artifact]):
    with open(note.path, "w") as file:
        file.write(str(number))


@component
def judge(note: Input[Artifact], scores: Output[Metrics]):
    scores.log_metric("size", float(open(note.path).read()))


@component
def count_up(to: int) -> list[str]:
    return [str(number) for number in range(to)]


@component
def write_text(text: str, note: Output[Artifact]):
    with open(note.path, "w") as file:
        file.write(text)


@component
def join_texts(notes: Input[list[Artifact]], scores: Output[Metrics]):
    scores.log_metric("joined", int("".join(open(note.path).read() for note in notes)))


@component
def fail(message: str):
    print("before the end")
    raise RuntimeError(message)


@component
def be_killed():
    import os

    os.kill(os.getpid(), 9)


@component
def sleep(seconds: int):
    import time

    print("sleeping", flush=True)
    time.sleep(seconds)


@component
def log_to_mlflow(name: str, value: float):
    import mlflow

    with mlflow.start_run():
        mlflow.log_metric(name, value)


@dsl.pipeline(name="all-kinds")
def all_kinds(number: int, rounds: list = [1, 2, 3], verbose: bool = False):
    doubled = double(number=number)
    with dsl.If(doubled.output > 10):
        big = write(number=doubled.output)
        judge(note=big.outputs["note"])
    with dsl.Else():
        double(number=doubled.output).set_display_name("small")
    with dsl.ParallelFor(rounds) as each:
        double(number=each)


@dsl.pipeline(name="fan-out")
def fan_out(to: int):
    numbers = count_up(to=to)
    with dsl.ParallelFor(numbers.output, parallelism=2) as number:
        written = write_text(text=number).set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)
    join_texts(notes=dsl.Collected(written.outputs["note"]))


@dsl.pipeline(name="failing")
def failing(message: str = "no such file"):
    first = double(number=1)
    broken = fail(message=message).after(first)
    double(number=2).after(broken)


@dsl.pipeline(name="out-of-memory")
def out_of_memory():
    be_killed()


@dsl.pipeline(name="slow")
def slow():
    sleep(seconds=60)


@dsl.pipeline(name="logging")
def logging_steps():
    first = log_to_mlflow(name="first", value=1.0)
    log_to_mlflow(name="second", value=2.0).after(first)


@dsl.pipeline(name="typed")
def typed(
    count: int, ratio: float = 0.5, title: str = "x", on: bool = True, items: list = [1], options: dict = {"a": 1}
):
    double(number=count)
