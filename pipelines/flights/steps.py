"""The step of `arr-delay` that is its own."""

from kfp import dsl

from components import component


@component
def train_classifier(table: dsl.Input[dsl.Dataset], max_iter: int, learning_rate: float) -> str:
    """Fit gradient boosting on all columns but `late` and log it to MLflow; returns the logged model's id.

    Strings are encoded inside the model (unknown ones become -1), so that requests carry plain values.
    """
    import mlflow
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    rows = pd.read_parquet(table.path)
    late = rows.pop("late")
    strings = [name for name in rows if rows[name].dtype != "float64"]
    numbers = [name for name in rows if name not in strings]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("strings", encoder, strings), ("numbers", "passthrough", numbers)])
    trees = HistGradientBoostingClassifier(max_iter=max_iter, learning_rate=learning_rate, random_state=0)
    model = Pipeline([("columns", columns), ("trees", trees)])

    # The sample that packaging compares on must show what serving will see, missing values above all.
    missing = rows[rows.isna().any(axis=1)].head(100)
    sample = pd.concat([missing, rows.sample(min(400, len(rows)), random_state=0)])
    mlflow.sklearn.autolog(log_models=False, log_datasets=False)
    with mlflow.start_run():
        model.fit(rows, late)
        signature = mlflow.models.infer_signature(sample, model.predict(sample))
        trusted = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature,
            input_example=sample,
            skops_trusted_types=trusted,
            pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_skops=True),
        )
    return logged.model_id
