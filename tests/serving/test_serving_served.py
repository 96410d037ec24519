import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.serving import packages

from millwright_serving.package import Manifest, PredictionsDiffer, Signature, Tensor
from millwright_serving.served import ServedModel, load_served
from millwright_serving.settings import ModelVersion

Onnx = tuple[Path, Manifest, LogisticRegression]


def load(folder: Path, manifest: Manifest) -> ServedModel:
    return load_served(ModelVersion("delay", "7", str(folder), manifest.digest, allow_pickle=True), folder)


def with_predictions(onnx: Onnx, predictions: Any) -> Manifest:
    """The same package, with these in its sample."""
    folder, manifest, original = onnx
    sample = packages.sample(original, list(packages.COLUMNS)) | {"predictions": predictions}
    return packages.write(folder, "onnx", (folder / "model.onnx").read_bytes(), manifest.signature, sample)


def test_a_model_that_answers_its_sample_as_recorded_is_served(onnx: Onnx) -> None:
    assert load(*onnx[:2]).manifest == onnx[1]


def test_predictions_that_name_no_output_are_what_predict_returned(onnx: Onnx) -> None:
    label = onnx[2].predict(packages.rows(5)).tolist()

    load(onnx[0], with_predictions(onnx, label))
    with pytest.raises(PredictionsDiffer, match="label differs"):
        load(onnx[0], with_predictions(onnx, [1 - value for value in label]))


@pytest.mark.parametrize(("shift", "served"), [(5e-6, True), (1e-3, False)])
def test_probabilities_may_differ_by_the_tolerance_only(onnx: Onnx, shift: float, served: bool) -> None:
    said = (onnx[2].predict_proba(packages.rows(5)) + shift).tolist()
    manifest = with_predictions(onnx, {"probabilities": said})

    if served:
        assert load(onnx[0], manifest).manifest == manifest
        return
    with pytest.raises(PredictionsDiffer, match=r"max difference 0\.001 > 1e-05\. It is not served"):
        load(onnx[0], manifest)


def test_a_model_may_answer_its_sample_with_nan(tmp_path: Path) -> None:
    signature = Signature(packages.BY_MATRIX.inputs, (Tensor("prediction", "FP64", (-1,)),))
    sample = {"dataframe_split": {"columns": [0, 1, 2], "data": [[1, 2, 3]]}, "predictions": {"prediction": [np.nan]}}
    manifest = packages.write(tmp_path, "pickle", pickle.dumps(Unknowing()), signature, sample)

    assert load(tmp_path, manifest).manifest == manifest


class Unknowing:
    """Predicts nothing that is a number."""

    def predict(self, table: np.ndarray) -> np.ndarray:
        return np.full(len(table), np.nan)


class Recorder:
    """Keeps what it was asked to predict."""

    asked: ClassVar[list[Any]] = []

    def predict(self, table: np.ndarray) -> np.ndarray:
        self.asked.append(table.tolist())
        return np.zeros(len(table))


class Refuser:
    """Refuses whatever it is asked."""

    def predict(self, table: np.ndarray) -> np.ndarray:
        raise ValueError


@pytest.mark.parametrize(
    ("inputs", "asked"),
    {
        "columns": ((Tensor("n", "INT64", (-1,)), Tensor("word", "BYTES", (-1,))), [[0, ""]]),
        "a matrix": ((Tensor("input", "FP32", (-1, 3)),), [[0.0, 0.0, 0.0]]),
    }.values(),
)
def test_a_model_without_a_sample_is_warmed_up_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: tuple[Tensor, ...], asked: Any
) -> None:
    monkeypatch.setattr(Recorder, "asked", [])
    signature = Signature(inputs, (Tensor("prediction", "FP64", (-1,)),))

    load(tmp_path, packages.write(tmp_path, "pickle", pickle.dumps(Recorder()), signature, None))

    assert Recorder.asked == [asked]


def test_a_model_without_a_sample_need_not_answer_to_nothing(tmp_path: Path) -> None:
    signature = Signature(packages.BY_MATRIX.inputs, (Tensor("prediction", "FP64", (-1,)),))
    manifest = packages.write(tmp_path, "pickle", pickle.dumps(Refuser()), signature, None)

    assert load(tmp_path, manifest).manifest == manifest
