"""Models of any other library, as MLflow's python_function: in images that have MLflow and what the model needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from millwright_serving.datatypes import Array
from millwright_serving.models.outputs import conform
from millwright_serving.package import PackageError, Signature

PREDICTION = "prediction"


class PyfuncModel:
    """Gives the model a table of named columns, or an array, as its signature says."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self._model, self._outputs = model, signature.outputs
        self._is_array = len(signature.inputs) == 1 and len(signature.inputs[0].shape) > 1
        self._names = [tensor.name for tensor in signature.inputs]

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        found = answers(self._model.predict(self._data(inputs)))
        return {tensor.name: conform(found[tensor.name], tensor) for tensor in self._outputs}

    def _data(self, inputs: Mapping[str, Array]) -> Any:
        if self._is_array:
            return inputs[self._names[0]]
        import pandas as pd

        return pd.DataFrame({name: inputs[name] for name in self._names})


def answers(said: Any) -> dict[str, Array]:
    """What `predict` returned, by output: the columns of a table, the entries of a dict, else one named prediction."""
    columns = getattr(said, "columns", None)
    if columns is not None:
        return {str(name): np.asarray(said[name]) for name in columns}
    if isinstance(said, dict):
        return {str(name): np.asarray(values) for name, values in said.items()}
    return {PREDICTION: np.asarray(said)}


def load_pyfunc(folder: Path, signature: Signature) -> PyfuncModel:
    """Runs the model's own code. Raises PackageError where this image cannot load it."""
    try:
        from mlflow import pyfunc
    except ImportError as error:
        raise PackageError(
            "The package is an MLflow model, and this image has no MLflow: set spec.runtime of the Deployment, with "
            "type MLflow or with runtime.image, the image of a server that loads it."
        ) from error
    try:
        return PyfuncModel(pyfunc.load_model(str(folder)), signature)
    except Exception as error:  # it runs any code, so it raises any exception
        raise PackageError(
            f"MLflow cannot load the model: {type(error).__name__}: {error}. Name an image that has its libraries in "
            "spec.runtime.image of the Deployment."
        ) from error
