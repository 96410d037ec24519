"""Packages of small real models, as the packaging job would store them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.linear_model import LinearRegression, LogisticRegression
from tests.serving import onnx_bytes

from millwright_serving.package import (
    MANIFEST,
    MODEL_FILES,
    SAMPLE,
    Format,
    Manifest,
    Signature,
    Tensor,
    Verification,
    digest_of,
    file_digests,
)

COLUMNS = ("distance", "delay", "hour")
BY_COLUMN = Signature(
    tuple(Tensor(name, "FP64", (-1,)) for name in COLUMNS),
    (Tensor("probabilities", "FP32", (-1, 2)), Tensor("label", "INT64", (-1,))),
)
BY_MATRIX = Signature(
    (Tensor("input", "FP64", (-1, 3)),),
    (Tensor("probabilities", "FP64", (-1, 2)), Tensor("label", "INT64", (-1,))),
)


def rows(count: int, seed: int = 0) -> np.ndarray:
    """Random rows of the three features, [count, 3]."""
    return np.random.default_rng(seed).normal(size=(count, 3))


def logistic_regression() -> LogisticRegression:
    table = rows(200)
    return LogisticRegression().fit(table, (table @ [1.0, -2.0, 0.5] > 0).astype(np.int64))


def onnx_package(folder: Path) -> tuple[Manifest, LogisticRegression]:
    """The regression as ONNX with one input per column, and the original."""
    original = logistic_regression()
    model = onnx_bytes.classifier(COLUMNS, original.coef_[0], float(original.intercept_[0]))
    return write(folder, "onnx", model, BY_COLUMN, sample(original, list(COLUMNS))), original


def skops_package(folder: Path, estimator: Any, signature: Signature = BY_MATRIX) -> Manifest:
    return write(folder, "skops", skops.io.dumps(estimator), signature, None)


def values_package(folder: Path, predictions: list[float]) -> Manifest:
    """A regressor that answers the sum of the features, with these predictions in its sample."""
    regressor = LinearRegression().fit(table := rows(200), table.sum(axis=1))
    signature = Signature(BY_MATRIX.inputs, (Tensor("prediction", "FP64", (-1,)),))
    split = {"columns": [0, 1, 2], "data": [[value, 0.0, 0.0] for value in predictions]}
    return write(
        folder, "skops", skops.io.dumps(regressor), signature, {"dataframe_split": split, "predictions": predictions}
    )


def sample(original: LogisticRegression, columns: list[str]) -> dict[str, Any]:
    table = rows(5)
    split = {"columns": columns, "data": table.tolist()}
    said = {"label": original.predict(table).tolist(), "probabilities": original.predict_proba(table).tolist()}
    return {"dataframe_split": split, "predictions": said}


def write(folder: Path, format: Format, model: bytes, signature: Signature, sample: Any) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILES[format]).write_bytes(model)
    if sample is not None:
        (folder / SAMPLE).write_text(json.dumps(sample))
    manifest = Manifest(
        digest=digest_of(folder),
        format=format,
        runtime="test",
        uri=str(folder),
        files=file_digests(folder),
        model_id="m-1",
        signature=signature,
        verification=Verification(5, 1e-7),
        source_digest="sha256:" + "0" * 64,
    )
    (folder / MANIFEST).write_text(manifest.to_json())
    return manifest
