# ruff: noqa: T201 (what a pod prints is its log)
"""The forms a model is served in, best first: ONNX, skops, pickle; what is neither stays as MLflow has it."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sklearn.base import is_classifier

from millwright_runner import forms, logged_models, mlflow_form, onnx_conversion
from millwright_runner.forms import Form
from millwright_runner.logged_models import INVALID, MlflowModel
from millwright_runner.outcome import Rejected
from millwright_runner.samples import Sample
from millwright_serving.models.estimator import EstimatorModel
from millwright_serving.package import MODEL_FILES, Format, Signature, Verification
from millwright_serving.verification import Answers, Mismatch, largest_difference


@dataclass(frozen=True)
class Fallback:
    """Why the model is not packaged as ONNX."""

    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def make(source: MlflowModel, sample: Sample | None, folder: Path, allow_pickle: bool) -> Form:
    """Put the model into `folder` in the best form. Without a sample, only ONNX: it tells its inputs by itself.

    Raises `Rejected` if the model is of no form that may be served, if the sample is not one for it, or if the server
    can run no form of it that says the same.
    """
    if source.onnx is not None:
        return _taken_as_it_is(source.onnx, source.original, sample, folder)
    if source.sklearn is None:
        return mlflow_form.make(source, sample, folder, allow_pickle)
    if sample is None:
        raise Rejected("SampleNeeded", "A scikit-learn model tells nothing of its inputs: give a sample with it.")
    model = logged_models.load_sklearn(source, allow_pickle)
    answers = forms.fitting(lambda: _answers(model, sample))
    try:
        return _converted(model, answers, sample, folder)
    except Mismatch as mismatch:
        fallback = Fallback("ConversionMismatch", str(mismatch))
    except Exception as error:  # skl2onnx and ONNX Runtime raise anything for what they do not support
        fallback = Fallback("ConversionUnsupported", forms.first_line(error))
    print(f"The model stays in scikit-learn's own form. {fallback}", flush=True)
    return _original(model, answers, source, sample, folder, fallback)


def _taken_as_it_is(path: Path, original: Answers | None, sample: Sample | None, folder: Path) -> Form:
    try:
        content = onnx_conversion.read(path)
        session = onnx_conversion.open_session(content)
    except Exception as error:  # the libraries' exceptions share no base
        raise Rejected(INVALID, f"{path.name} is no ONNX model that can run here: {forms.first_line(error)}") from error
    signature = onnx_conversion.signature(session)
    answers = forms.fitting(lambda: onnx_conversion.predict(session, sample)) if sample else {}
    try:
        difference = largest_difference(original or {}, answers)
    except Mismatch as mismatch:
        raise Rejected("ConversionMismatch", f"The model was converted before it was logged: {mismatch}.") from mismatch
    (folder / MODEL_FILES["onnx"]).write_bytes(content)
    checked = Verification(len(sample.data) if sample else 0, difference)
    return Form("onnx", forms.runtime("onnxruntime"), signature, checked, answers)


def _converted(model: Any, answers: Answers, sample: Sample, folder: Path) -> Form:
    content = onnx_conversion.convert(model, sample)
    session = onnx_conversion.open_session(content)
    difference = largest_difference(answers, onnx_conversion.predict(session, sample))
    (folder / MODEL_FILES["onnx"]).write_bytes(content)
    signature = onnx_conversion.signature(session, sample.inputs)
    return Form("onnx", forms.runtime("onnxruntime"), signature, Verification(len(sample.data), difference), answers)


def _original(
    model: Any, answers: Answers, source: MlflowModel, sample: Sample, folder: Path, fallback: Fallback
) -> Form:
    kind: Format = "skops" if source.is_skops else "pickle"
    shutil.copyfile(source.sklearn_file, folder / MODEL_FILES[kind])
    signature = Signature(sample.inputs, tuple(forms.output(name, answer) for name, answer in answers.items()))
    try:
        difference = largest_difference(answers, EstimatorModel(model, signature).predict(sample.columns()))
    except Exception as error:  # whatever the server would run into
        reason = fallback.reason if fallback.reason == "ConversionMismatch" else "Error"
        message = f"{fallback}. The server cannot run the original either: {forms.first_line(error)}"
        raise Rejected(reason, message) from error
    checked = Verification(len(sample.data), difference, str(fallback))
    return Form(kind, forms.runtime("scikit-learn"), signature, checked, answers)


def _answers(model: Any, sample: Sample) -> Answers:
    if not is_classifier(model):
        return {"prediction": model.predict(sample.data)}
    label = {"label": model.predict(sample.data)}
    return label | ({"probabilities": model.predict_proba(sample.data)} if hasattr(model, "predict_proba") else {})


def compared(form: Form, predictions: Any) -> Form:
    """The form, once it answers as `predictions` say: a list of what `predict` returns, or a list by output.

    None says nothing, and where the model could not be asked there is nothing to compare. Raises `Rejected`
    (PredictionsDiffer).
    """
    if predictions is None or not form.answers:
        return form
    said = predictions if isinstance(predictions, dict) else {form.main_output: predictions}
    try:
        difference = largest_difference(said, form.answers)
    except (Mismatch, ValueError, TypeError) as error:
        raise Rejected(
            "PredictionsDiffer", f"On the sample the model does not answer as its predictions say: {error}."
        ) from error
    checked = replace(form.verification, max_abs_difference=max(difference, form.verification.max_abs_difference))
    return replace(form, verification=checked)
