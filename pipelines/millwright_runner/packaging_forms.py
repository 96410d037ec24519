# ruff: noqa: T201 (what a pod prints is its log)
"""The forms a model is served in, best first: ONNX, skops, pickle."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from millwright_runner import logged_models, onnx_conversion
from millwright_runner.logged_models import UNSUPPORTED, LoggedModel
from millwright_runner.outcome import Rejected
from millwright_runner.samples import Sample
from millwright_serving.models.estimator import EstimatorModel
from millwright_serving.package import MODEL_FILES, Format, Signature, Tensor, Verification

TOLERANCE = 1e-5  # largest difference of a probability, or of a prediction relative to its size


@dataclass(frozen=True)
class Form:
    """A model file in the package, and what is known about it; `predictions` are the original model's, as JSON."""

    format: Format
    runtime: str
    signature: Signature
    verification: Verification
    predictions: list[Any]


class Mismatch(Exception):
    """The packaged model says something else than the original."""


@dataclass(frozen=True)
class Fallback:
    """Why the model is not packaged as ONNX."""

    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def make(source: LoggedModel, sample: Sample, folder: Path, allow_pickle: bool) -> Form:
    """Put the model into `folder` in the best form.

    Raises `Rejected`: UnsafeFormat if only a pickle is left, UnsupportedModel, or why the server can run no form of it.
    """
    if source.onnx is not None:
        return _taken_as_it_is(source.onnx, source.original, sample, folder)
    if source.sklearn is None:
        flavours = ", ".join(sorted(source.description.flavors))
        raise Rejected(UNSUPPORTED, f"The model is logged as {flavours}; served are ONNX and scikit-learn models.")
    model = logged_models.load_sklearn(source, allow_pickle)
    try:
        return _converted(model, sample, folder)
    except Mismatch as mismatch:
        fallback = Fallback("ConversionMismatch", str(mismatch))
    except Exception as error:  # skl2onnx and ONNX Runtime raise anything for what they do not support
        fallback = Fallback("ConversionUnsupported", _first_line(error))
    print(f"The model stays in scikit-learn's own form. {fallback}", flush=True)
    return _original(model, source, sample, folder, fallback)


def _taken_as_it_is(path: Path, original: Mapping[str, Any] | None, sample: Sample, folder: Path) -> Form:
    content = path.read_bytes()
    session = onnx_conversion.open_session(content)
    answers = onnx_conversion.predict(session, sample)
    try:
        difference = max((_of_output(name, it, answers) for name, it in (original or {}).items()), default=0.0)
    except Mismatch as mismatch:
        raise Rejected("ConversionMismatch", f"The model was converted before it was logged: {mismatch}.") from mismatch
    (folder / MODEL_FILES["onnx"]).write_bytes(content)
    checked = Verification(len(sample.data), difference)
    first = next(iter(answers.values()))
    return Form("onnx", _runtime("onnxruntime"), onnx_conversion.signature(session), checked, first.tolist())


def _converted(model: Any, sample: Sample, folder: Path) -> Form:
    content = onnx_conversion.convert(model, sample)
    session = onnx_conversion.open_session(content)
    predictions = model.predict(sample.data)
    difference = _difference(model, predictions, sample, onnx_conversion.predict(session, sample))
    (folder / MODEL_FILES["onnx"]).write_bytes(content)
    return Form(
        "onnx",
        _runtime("onnxruntime"),
        onnx_conversion.signature(session, sample.inputs),
        Verification(len(sample.data), difference),
        predictions.tolist(),
    )


def _original(model: Any, source: LoggedModel, sample: Sample, folder: Path, fallback: Fallback) -> Form:
    kind: Format = "skops" if source.is_skops else "pickle"
    shutil.copyfile(source.sklearn_file, folder / MODEL_FILES[kind])
    predictions = model.predict(sample.data)
    signature = Signature(sample.inputs, _outputs(model, predictions))
    try:
        difference = _difference(model, predictions, sample, EstimatorModel(model, signature).predict(sample.columns()))
    except Exception as error:  # whatever the server would run into
        reason = fallback.reason if fallback.reason == "ConversionMismatch" else "Error"
        raise Rejected(
            reason, f"{fallback}. The server cannot run the original either: {_first_line(error)}"
        ) from error
    checked = Verification(len(sample.data), difference, str(fallback))
    return Form(kind, _runtime("scikit-learn"), signature, checked, predictions.tolist())


def _difference(model: Any, predictions: Any, sample: Sample, packaged: Mapping[str, Any]) -> float:
    """The largest difference on the sample. Raises Mismatch if a label differs or the difference is too large."""
    if not is_classifier(model):
        original, other = predictions.ravel(), packaged["prediction"].ravel()
        return _within_tolerance(np.abs(original - other), np.maximum(1.0, np.abs(original)))
    if not np.array_equal(predictions, packaged["label"]):
        raise Mismatch("labels differ from the original model's")
    if "probabilities" not in packaged:
        return 0.0
    return _within_tolerance(np.abs(model.predict_proba(sample.data) - packaged["probabilities"]), 1.0)


def _of_output(name: str, original: Any, packaged: Mapping[str, Any]) -> float:
    """The largest difference of one output. Raises Mismatch as `_difference` does."""
    expected, found = np.asarray(original), packaged.get(name, np.empty(0))
    if expected.shape != found.shape or (expected.dtype.kind != "f" and not np.array_equal(expected, found)):
        raise Mismatch(f"{name} differs from the original model's")
    if expected.dtype.kind != "f":
        return 0.0
    return _within_tolerance(np.abs(expected - found), np.maximum(1.0, np.abs(expected)))


def _within_tolerance(difference: Any, scale: Any) -> float:
    if not np.all(difference <= TOLERANCE * scale):  # false for NaN too
        raise Mismatch(f"max difference {np.max(difference / scale):.2g} > {TOLERANCE:g}")
    return float(np.max(difference, initial=0.0))


def _outputs(model: Any, predictions: Any) -> tuple[Tensor, ...]:
    kind = {"f": "FP64", "i": "INT64", "b": "BOOL"}.get(predictions.dtype.kind, "BYTES")
    if not is_classifier(model):
        return (Tensor("prediction", kind, (-1, *predictions.shape[1:])),)
    label = Tensor("label", kind, (-1,))
    return (
        (Tensor("probabilities", "FP64", (-1, len(model.classes_))), label)
        if hasattr(model, "predict_proba")
        else (label,)
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"


def _runtime(distribution: str) -> str:
    return f"{distribution} {version(distribution)}"
