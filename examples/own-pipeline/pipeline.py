"""Which cultivar is this wine made of? Two steps; the data set comes with scikit-learn.

`python pipeline.py` writes pipeline.yaml.
"""

from pathlib import Path

from kfp import compiler, dsl

# A stock Python image stands for the platform's runner image, which has kfp, MLflow, scikit-learn, pandas and pyarrow:
# nothing is installed when a step starts.
component = dsl.component(base_image="python:3.11", install_kfp_package=False)


@component
def load_wines(held_out: float, train: dsl.Output[dsl.Dataset], test: dsl.Output[dsl.Dataset]):
    """One row per wine: 13 measurements (float64) and `cultivar` (0, 1 or 2)."""
    from sklearn.datasets import load_wine
    from sklearn.model_selection import train_test_split

    wines = load_wine(as_frame=True).frame.rename(columns={"target": "cultivar"})
    wines.columns = [name.replace("/", "_") for name in wines.columns]
    parts = train_test_split(wines, test_size=held_out, random_state=0, stratify=wines["cultivar"])
    for rows, output in zip(parts, (train, test), strict=True):
        rows.to_parquet(output.path, index=False)


@component
def train_classifier(train: dsl.Input[dsl.Dataset], test: dsl.Input[dsl.Dataset], regularization: float):
    """Fit, log the model with a sample of its input, and log the metric that the gate judges."""
    import mlflow
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, unseen = pd.read_parquet(train.path), pd.read_parquet(test.path)
    cultivar, truth = rows.pop("cultivar"), unseen.pop("cultivar")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=regularization, max_iter=1000))

    mlflow.sklearn.autolog(log_models=False, log_datasets=False)  # parameters and training metrics; the model is below
    with mlflow.start_run():  # the run that Millwright opened: MLFLOW_RUN_ID is set
        model.fit(rows, cultivar)
        needs = mlflow.sklearn.get_default_pip_requirements(include_skops=True)
        mlflow.sklearn.log_model(model, name="model", input_example=rows.head(50), pip_requirements=needs)
        mlflow.log_metric("held_out_accuracy", model.score(unseen, truth))


@dsl.pipeline(name="wine", description="Which cultivar is this wine made of?")
def wine(held_out: float = 0.3, regularization: float = 1.0):
    """Data, then model."""
    data = load_wines(held_out=held_out)
    model = train_classifier(train=data.outputs["train"], test=data.outputs["test"], regularization=regularization)
    model.set_caching_options(False)  # on Kubeflow: a cached step would log nothing to this run


if __name__ == "__main__":
    compiler.Compiler().compile(wine, str(Path(__file__).with_name("pipeline.yaml")))
