# ruff: noqa: T201 (what a pod prints is its log)
"""The steps that join the slices' boosters into one model and compare them."""

from kfp import dsl

from carriers import component


@component
def join_slices(
    models: dsl.Input[list[dsl.Model]],
    pooled: dsl.Input[dsl.Model],
    table: dsl.Input[dsl.Dataset],
    encoded: dsl.Input[dsl.Dataset],
    categories: dsl.Input[dsl.Artifact],
    column: str,
    target: str,
    joined: dsl.Output[dsl.Model],
) -> str:
    """Join the slices' boosters into one ONNX model and log it to MLflow; returns the logged model's id.

    Each row is answered by its slice's booster; rows of no slice, and slices that fell back, by the pooled one. Ends
    if the model and the boosters differ by more than 1e-6 on a row of `table` (as requests carry it; `encoded` are the
    same rows as numbers).
    """
    import json
    from importlib.metadata import version
    from pathlib import Path

    import mlflow
    import numpy as np
    import onnx
    import pandas as pd
    import xgboost

    from millwright_runner import onnx_conversion, sliced_trees, xgboost_trees
    from millwright_runner.samples import Sample

    known = json.loads(Path(categories.path).read_text())
    contents = [Path(model.path).read_bytes() for model in models]
    everyone = Path(pooled.path).read_bytes()
    boosters = [xgboost.Booster(model_file=bytearray(content)) for content in contents]
    own = {
        booster.attr("slice"): xgboost_trees.read(content)
        for booster, content in zip(boosters, contents, strict=True)
        if not booster.attr("fallback")
    }
    model = sliced_trees.to_onnx(xgboost_trees.read(everyone), own, column, known)
    onnx.save(model, joined.path)

    rows = pd.read_parquet(table.path).drop(columns=target).astype(dict.fromkeys(known, object))
    numbers = pd.read_parquet(encoded.path).drop(columns=target)
    original = xgboost.Booster(model_file=bytearray(everyone)).predict(xgboost.DMatrix(numbers)).astype("float64")
    for booster in boosters:
        answers = (rows[column] == booster.attr("slice")).to_numpy()
        if answers.any():
            original[answers] = booster.predict(xgboost.DMatrix(numbers[answers]))
    served = onnx_conversion.predict(onnx_conversion.open_session(model.SerializeToString()), Sample(rows))
    difference = float(np.abs(served["probabilities"][:, 1] - original).max())
    print(f"{len(own)} of {len(models)} slices have trees of their own; largest difference {difference:.2g}")
    if not difference <= 1e-6:
        raise SystemExit(f"The joined model differs from the boosters by {difference:.2g}.")

    # Packaging compares on the sample: every slice, and missing values, as serving will see them.
    chosen = rows.groupby(column).head(20).index.union(rows[rows.isna().any(axis=1)].head(100).index)
    sample, positive = rows.loc[chosen], original[chosen]
    outputs = {"label": (positive > 0.5).astype("int64"), "probabilities": np.column_stack([1 - positive, positive])}
    beside = Path(joined.path).with_name("original.json")
    beside.write_text(json.dumps({name: values.tolist() for name, values in outputs.items()}))
    with mlflow.start_run():
        mlflow.log_metrics({"joined_max_difference": difference, "slices": len(models), "slices_own": len(own)})
        logged = mlflow.onnx.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(sample, outputs),
            input_example=sample,
            extra_files=[str(beside)],
            pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "onnx", "onnxruntime")],
            save_as_external_data=False,
        )
    return logged.model_id


@component
def compare_slices(
    models: dsl.Input[list[dsl.Model]],
    pooled: dsl.Input[dsl.Model],
    joined: dsl.Input[dsl.Model],
    table: dsl.Input[dsl.Dataset],
    encoded: dsl.Input[dsl.Dataset],
    column: str,
    target: str,
    min_rows: int,
    comparison: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Score the joined model on each slice of `table`, beside the pooled model; returns the weakest slice.

    Metrics, also logged to the MLflow run: roc_auc, roc_auc_pooled, accuracy (at 0.5), brier, n_rows, base_rate of all
    rows; auc/<slice>; rows/<slice> and fallback/<slice> as in `train_slice`; weakest_auc, the lowest of the slices with
    at least `min_rows` rows. `comparison` (CSV) has a row per slice, the weakest first. `encoded` are the rows of
    `table` as numbers.
    """
    from pathlib import Path

    import mlflow
    import pandas as pd
    import xgboost
    from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

    from millwright_runner import onnx_conversion
    from millwright_runner.samples import Sample

    rows = pd.read_parquet(table.path)
    truth = rows.pop(target)
    rows = rows.astype({name: object for name in rows if rows[name].dtype != "float64"})
    session = onnx_conversion.open_session(Path(joined.path).read_bytes())
    late = onnx_conversion.predict(session, Sample(rows))["probabilities"][:, 1]
    numbers = xgboost.DMatrix(pd.read_parquet(encoded.path).drop(columns=target))
    everyone = xgboost.Booster(model_file=bytearray(Path(pooled.path).read_bytes())).predict(numbers)

    def compared(model: dsl.Model) -> dict[str, object]:
        about = xgboost.Booster(model_file=bytearray(Path(model.path).read_bytes())).attributes()
        its = (rows[column] == about["slice"]).to_numpy()
        both = truth[its].nunique() == 2
        return {
            column: about["slice"],
            "training_rows": int(about["rows"]),
            "rows": int(its.sum()),
            "base_rate": truth[its].mean(),
            "auc": roc_auc_score(truth[its], late[its]) if both else None,
            "auc_pooled": roc_auc_score(truth[its], everyone[its]) if both else None,
            "fallback": about.get("fallback", ""),
        }

    slices = pd.DataFrame(map(compared, models)).sort_values("auc", ignore_index=True)
    slices.to_csv(comparison.path, index=False)
    judged = slices[(slices["rows"] >= min_rows) & slices["auc"].notna()]
    if judged.empty:
        raise SystemExit(f"No slice has {min_rows} rows of both classes to be judged by.")
    weakest = judged.iloc[0]
    values = {
        "roc_auc": roc_auc_score(truth, late),
        "roc_auc_pooled": roc_auc_score(truth, everyone),
        "accuracy": accuracy_score(truth, late > 0.5),
        "brier": brier_score_loss(truth, late),
        "n_rows": len(rows),
        "base_rate": truth.mean(),
        "weakest_auc": weakest["auc"],
        **{f"auc/{it[column]}": it["auc"] for _, it in slices.iterrows() if pd.notna(it["auc"])},
        **{f"rows/{it[column]}": it["training_rows"] for _, it in slices.iterrows()},
        **{f"fallback/{it[column]}": 1 for _, it in slices.iterrows() if it["fallback"]},
    }
    values = {name: float(value) for name, value in values.items()}
    for name, value in values.items():
        metrics.log_metric(name, value)
    text = slices.round(3).to_string(index=False)
    Path(report.path).write_text(f"The weakest {column} is {weakest[column]}.\n\n```\n{text}\n```\n")
    with mlflow.start_run():
        mlflow.log_metrics(values)
        mlflow.set_tag(f"weakest_{column}", weakest[column])
        mlflow.log_text(slices.to_csv(index=False), "slices.csv")
    print(text)
    return str(weakest[column])
