"""Models that training code logged."""

import os
import warnings

import mlflow

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree"]


def log(run_id, model, example, **options) -> str:
    """Logs the model; gives its ID."""
    with mlflow.start_run(run_id=run_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's hints about integer columns and pickles
        signature = mlflow.models.infer_signature(example, model.predict(example))
        options = options or {"skops_trusted_types": TRUSTED}
        logged = mlflow.sklearn.log_model(
            model, name="model", input_example=example, signature=signature, pip_requirements=[], **options
        )
    os.environ["MLFLOW_RUN_ID"] = run_id  # MLflow removes it when a run ends
    return logged.model_id
