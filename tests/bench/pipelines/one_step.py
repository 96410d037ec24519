"""One step that logs a metric and a small model; `python tests/bench/pipelines/one_step.py` compiles it."""

from pathlib import Path

from kfp import compiler, dsl


@dsl.component(install_kfp_package=False, base_image="millwright.local/runner:dev")
def train():
    import mlflow
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(0).normal(size=(100, 4))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    mlflow.log_metric("accuracy", model.score(rows, rows[:, 0] > 0))
    # MLflow would load the model in another process to find out what it requires, which takes it seconds.
    mlflow.sklearn.log_model(model, name="model", input_example=rows[:20], pip_requirements=[])


@dsl.pipeline(name="one-step")
def one_step():
    """Trains in no time."""
    train().set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(one_step, str(Path(__file__).with_suffix(".yaml")))
