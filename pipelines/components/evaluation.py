# ruff: noqa: T201 (what a pod prints is its log)
"""Judging classifiers on data they have not seen."""

from kfp import dsl

from components import component


@component
def evaluate_classifier(
    model_id: str, table: dsl.Input[dsl.Dataset], target: str, scenarios: dict, metrics: dsl.Output[dsl.Metrics]
):
    """Score a binary MLflow-logged scikit-learn classifier on all rows of `table`, and on slices of them.

    Metrics, also logged to the MLflow run: roc_auc, accuracy (at 0.5), brier, n_rows, base_rate (share of positives).
    Every column but `target` (0 or 1) is a feature. `scenarios` are slices by name, as expressions on the columns such
    as "distance > 1500": roc_auc/<name>, where a slice has rows of both classes, and n_rows/<name>.
    """
    import mlflow
    import pandas as pd
    from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

    rows = pd.read_parquet(table.path)
    truth = rows.pop(target)
    late = mlflow.sklearn.load_model(f"models:/{model_id}").predict_proba(rows)[:, 1]
    values = {
        "roc_auc": float(roc_auc_score(truth, late)),
        "accuracy": float(accuracy_score(truth, late > 0.5)),
        "brier": float(brier_score_loss(truth, late)),
        "n_rows": float(len(rows)),
        "base_rate": float(truth.mean()),
    }
    for name, expression in scenarios.items():
        chosen = rows.eval(expression)
        values[f"n_rows/{name}"] = float(chosen.sum())
        if truth[chosen].nunique() == 2:
            values[f"roc_auc/{name}"] = float(roc_auc_score(truth[chosen], late[chosen]))
    with mlflow.start_run():
        mlflow.log_metrics(values)
    for name, value in values.items():
        metrics.log_metric(name, value)
    print(values)
