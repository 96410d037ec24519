# ruff: noqa: T201 (what a pod prints is its log)
"""The steps that find slices and train on them.

A model is an XGBoost booster in JSON. Attributes of a slice's booster say what it was made of: `slice`, `rows`, and
`fallback`, a sentence, if it is the pooled booster unchanged.
"""

from kfp import dsl

from carriers import component


@component
def find_slices(table: dsl.Input[dsl.Dataset], column: str) -> list[str]:
    """The values of a column of strings, sorted: a model will be trained for each."""
    import pandas as pd

    counts = pd.read_parquet(table.path, columns=[column])[column].value_counts()
    print(counts.to_string())
    return sorted(counts.index)


@component
def train_pooled(
    table: dsl.Input[dsl.Dataset],
    target: str,
    rounds: int,
    max_depth: int,
    learning_rate: float,
    model: dsl.Output[dsl.Model],
):
    """Fit gradient boosting on the numbers of all slices, on the GPU where there is one; `target` is 0 or 1."""
    import ctypes
    from pathlib import Path

    import pandas as pd
    import xgboost

    def cuda_devices() -> int:
        # Asks the driver, which a container has only if its pod was given a GPU.
        try:
            driver = ctypes.CDLL("libcuda.so.1")
        except OSError:
            return 0
        count = ctypes.c_int(0)
        return count.value if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 else 0

    built = xgboost.build_info()["USE_CUDA"]
    device = "cuda" if built and cuda_devices() else "cpu"
    if device == "cpu":
        print("Training on the CPU:", "no CUDA device here." if built else "this XGBoost is built without CUDA.")
    rows = pd.read_parquet(table.path)
    truth = rows.pop(target)
    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "device": device,
        "max_depth": max_depth,
        "learning_rate": learning_rate,
        "seed": 0,
        "nthread": 1,  # pods share cores: threads that wait for each other cost more than they bring
    }
    booster = xgboost.train(settings, xgboost.DMatrix(rows, truth), rounds)
    Path(model.path).write_bytes(booster.save_raw("json"))
    print(f"{rounds} trees from {len(rows)} rows")


@component
def train_slice(
    table: dsl.Input[dsl.Dataset],
    categories: dsl.Input[dsl.Artifact],
    pooled: dsl.Input[dsl.Model],
    column: str,
    slice: str,
    target: str,
    rounds: int,
    max_depth: int,
    learning_rate: float,
    min_rows: int,
    metrics: dsl.Output[dsl.Metrics],
    model: dsl.Output[dsl.Model],
):
    """Continue the pooled booster on the rows of one slice.

    A slice of fewer than `min_rows` rows, or of one class, keeps the pooled booster. Metrics: rows/<slice>, and
    fallback/<slice> = 1 in that case.
    """
    import json
    from pathlib import Path

    import pandas as pd
    import xgboost

    position = json.loads(Path(categories.path).read_text())[column].index(slice)
    rows = pd.read_parquet(table.path, filters=[(column, "==", float(position))])
    truth = rows.pop(target)
    booster = xgboost.Booster(model_file=bytearray(Path(pooled.path).read_bytes()))
    fallback = None
    if len(rows) < min_rows:
        fallback = f"{len(rows)} rows are fewer than {min_rows}"
    elif truth.nunique() < 2:
        fallback = f"all {len(rows)} rows have the same {target}"
    else:
        settings = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_depth": max_depth,
            "learning_rate": learning_rate,
            "subsample": 0.7,
            "min_child_weight": 50,
            "seed": 0,
            "nthread": 1,
        }
        booster = xgboost.train(settings, xgboost.DMatrix(rows, truth), rounds, xgb_model=booster)
    booster.set_attr(slice=slice, rows=str(len(rows)), fallback=fallback)
    Path(model.path).write_bytes(booster.save_raw("json"))
    metrics.log_metric(f"rows/{slice}", len(rows))
    if fallback:
        metrics.log_metric(f"fallback/{slice}", 1)
    print(f"{slice}: the pooled model, because {fallback}." if fallback else f"{slice}: {len(rows)} rows")
