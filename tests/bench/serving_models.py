"""`python -m tests.bench.serving_models FOLDER`, in the runner's environment: what the serving benchmark serves.

For each model: `package`, as packaging makes it; `mlflow`, as training logs it; `mlserver`, settings to serve the same
file; the same row as a V2 request (`infer.json`) and for MLflow's server (`invocations.json`).
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from tests.serving import packages

from millwright_runner import onnx_conversion
from millwright_runner.samples import Sample

FEATURES = 20
ROWS = 2000
NAMES = [f"feature_{index:02}" for index in range(FEATURES)]
# Trained on an array: one V2 input of 20 values; on a table: 20 V2 inputs, which cost a server more to read.
MODELS = {
    "LogisticRegression, array": (LogisticRegression(), False),
    "HistGradientBoosting, table": (HistGradientBoostingClassifier(max_iter=50), True),
    "RandomForest of 100, array": (RandomForestClassifier(100, random_state=7), False),
    "MLP, array": (MLPClassifier((100,), max_iter=500, random_state=7), False),
}


def main(folder: Path) -> None:
    """All models, each in a folder of its name."""
    table = np.random.default_rng(7).normal(size=(ROWS, FEATURES))
    wanted = (table[:, 0] * 2 - table[:, 1] + table[:, 2] * table[:, 3] > 0).astype(np.int64)
    for name, (model, has_columns) in MODELS.items():
        data: Any = pd.DataFrame(table, columns=NAMES) if has_columns else table
        _write(folder / name, model.fit(data, wanted), Sample(data[:100]))


def _write(folder: Path, model: Any, sample: Sample) -> None:
    content = onnx_conversion.convert(model, sample)
    signature = onnx_conversion.signature(onnx_conversion.open_session(content), sample.inputs)
    said = {"label": model.predict(sample.data).tolist()}
    recorded = {"dataframe_split": sample.dataframe_split(), "predictions": said}
    packages.write(folder / "package", "onnx", content, signature, recorded)
    logged = mlflow.models.infer_signature(sample.data, model.predict_proba(sample.data))
    options = {"signature": logged, "pyfunc_predict_fn": "predict_proba", "pip_requirements": []}
    mlflow.sklearn.save_model(model, folder / "mlflow", serialization_format="cloudpickle", **options)
    (folder / "mlserver").mkdir()
    (folder / "mlserver" / "model-settings.json").write_text(json.dumps(_mlserver_settings(sample.has_columns)))
    first = Sample(sample.data[:1])
    (folder / "infer.json").write_text(json.dumps({"inputs": [_input(first, t) for t in first.inputs]}))
    (folder / "invocations.json").write_text(json.dumps(_invocation(first)))


def _mlserver_settings(has_columns: bool) -> dict[str, Any]:
    """So that it answers the request that the others get, with what they answer."""
    content_type = {"content_type": "pd"} if has_columns else {}
    parameters = {"uri": "../mlflow/model.pkl", "extra": {"predict_fn": "predict_proba"}}
    return {"name": "model", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": parameters | content_type}


def _input(row: Sample, tensor: Any) -> dict[str, Any]:
    values = row.columns()[tensor.name]
    return {"name": tensor.name, "datatype": "FP64", "shape": list(values.shape), "data": values.ravel().tolist()}


def _invocation(row: Sample) -> dict[str, Any]:
    """In the form that MLflow's documentation uses for a table, and for an array."""
    return {"dataframe_split": row.dataframe_split()} if row.has_columns else {"inputs": row.data.tolist()}


if __name__ == "__main__":
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # it warns of pickles
    main(Path(sys.argv[1]))
