# ruff: noqa: T201 (what a pod prints is its log)
"""Models that are neither ONNX nor scikit-learn: packaged as MLflow has them, served where their libraries are."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import pyfunc
from mlflow.types import Schema

from millwright_runner import forms, samples
from millwright_runner.forms import Form
from millwright_runner.logged_models import INVALID, UNSAFE, UNSUPPORTED, MlflowModel
from millwright_runner.outcome import Rejected
from millwright_runner.samples import MATRIX, Sample
from millwright_serving.models.pyfunc import PREDICTION, PyfuncModel, answers
from millwright_serving.package import MANIFEST, SAMPLE, Signature, Tensor, Verification
from millwright_serving.verification import Answers, largest_difference

PYFUNC = "python_function"


@dataclass(frozen=True)
class Told:
    """What is known of a model. `unasked`: why nothing is recorded of what it says on the sample."""

    signature: Signature
    answers: Answers
    difference: float = 0.0
    unasked: str = ""


def make(source: MlflowModel, sample: Sample | None, folder: Path, allow_pickle: bool) -> Form:
    """Put all that MLflow has of the model into `folder`.

    Raises `Rejected` where it may not be loaded, or nothing tells what it takes and gives.
    """
    flavours = ", ".join(sorted(source.description.flavors))
    _require_servable(source, flavours, allow_pickle)
    shutil.copytree(source.folder, folder, dirs_exist_ok=True)  # before its code leaves compiled files beside it
    typed = _typed(sample, _schema(source, "inputs")) if sample else None
    told = _asked(source, typed) if typed else _described(source, None, "there is no sample")
    if not told.signature.inputs or not told.signature.outputs:
        message = f"Nothing tells what the model takes and gives ({told.unasked}): log it with a signature."
        raise Rejected("SampleNeeded", message)
    unasked = f"; its predictions are not compared: {told.unasked}" if told.unasked else ""
    fallback = f"ConversionUnsupported: it is logged as {flavours}{unasked}"
    print(f"The model stays as MLflow has it. {fallback}", flush=True)
    checked = Verification(len(typed.data) if typed and told.answers else 0, told.difference, fallback)
    return Form("mlflow", forms.runtime("mlflow"), told.signature, checked, told.answers)


def _require_servable(source: MlflowModel, flavours: str, allow_pickle: bool) -> None:
    if PYFUNC not in source.description.flavors:
        message = f"The model is logged as {flavours}; served are ONNX and scikit-learn models, and {PYFUNC}."
        raise Rejected(UNSUPPORTED, message)
    if not allow_pickle:
        message = f"The model is logged as {flavours}, which may run any code when it is loaded. Log it as ONNX, or set"
        raise Rejected(UNSAFE, f"{message} spec.allowPickle: true on the Model, and spec.runtime on its Deployments.")
    if any((source.folder / name).exists() for name in (MANIFEST, SAMPLE)):
        raise Rejected(INVALID, f"The model's folder has a {MANIFEST} or {SAMPLE}: the package's own have these names.")


def _asked(source: MlflowModel, sample: Sample) -> Told:
    """What it says on the sample, if this image has its libraries."""
    try:
        model = pyfunc.load_model(str(source.folder))
    except Exception as error:  # it runs any code
        return _described(source, sample, forms.first_line(error))
    try:
        said = answers(model.predict(sample.data))
    except ImportError as error:
        return _described(source, sample, forms.first_line(error))
    except Exception as error:  # it runs any code
        raise Rejected(samples.INVALID, f"The model cannot answer its own sample: {forms.first_line(error)}") from error
    signature = Signature(sample.inputs, tuple(forms.output(name, answer) for name, answer in said.items()))
    if not sample.is_tabular:
        return Told(signature, {}, unasked="a sample of more than two dimensions is not recorded")
    served = forms.fitting(lambda: PyfuncModel(model, signature).predict(sample.columns()))
    return Told(signature, said, forms.fitting(lambda: largest_difference(said, served)))


def _described(source: MlflowModel, sample: Sample | None, unasked: str) -> Told:
    """As far as MLflow knows it."""
    inputs = sample.inputs if sample else _tensors(_schema(source, "inputs"), MATRIX)
    return Told(Signature(inputs, _tensors(_schema(source, "outputs"), PREDICTION)), {}, unasked=unasked)


def _schema(source: MlflowModel, side: str) -> Schema | None:
    return getattr(source.description.signature, side, None)


def _typed(sample: Sample, schema: Schema | None) -> Sample:
    """MLflow takes an array of its signature's type only; JSON knows none."""
    if sample.has_columns or schema is None or not schema.is_tensor_spec() or len(schema.inputs) != 1:
        return sample
    return Sample(sample.data.astype(schema.inputs[0].type))


def _tensors(schema: Schema | None, unnamed: str) -> tuple[Tensor, ...]:
    return tuple(_tensor(it, it.name or unnamed) for it in schema.inputs) if schema else ()


def _tensor(it: Any, name: str) -> Tensor:
    """A column, or a tensor whose first dimension is its rows."""
    if hasattr(it, "shape"):
        return Tensor(name, samples.DATATYPES.get(np.dtype(it.type).name, "BYTES"), (-1, *it.shape[1:]))
    return Tensor(name, samples.DATATYPES[samples.DTYPES.get(it.type.name, "object")], (-1,))
