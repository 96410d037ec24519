"""scikit-learn estimators as themselves: from skops, or by opt-in from a pickle."""

import pickle
import pkgutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from millwright_serving.datatypes import Array
from millwright_serving.models.outputs import conform
from millwright_serving.package import PackageError, Signature

PROBABILITIES = "probabilities"
TRUSTED_PACKAGES = frozenset({"sklearn", "numpy"})


class EstimatorModel:
    """Gives the estimator an array, its columns in the order of the signature; that needs no pandas."""

    def __init__(self, estimator: Any, signature: Signature) -> None:
        self._names = [tensor.name for tensor in signature.inputs]
        self._is_matrix = len(self._names) == 1 and len(signature.inputs[0].shape) == 2
        self._is_mixed = any(tensor.datatype == "BYTES" for tensor in signature.inputs)
        self._outputs = [(tensor, _method(estimator, tensor.name)) for tensor in signature.outputs]
        _check_order(estimator, self._names)

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        table = self._table(inputs)
        return {tensor.name: conform(method(table), tensor) for tensor, method in self._outputs}

    def _table(self, inputs: Mapping[str, Array]) -> Array:
        if self._is_matrix:
            return inputs[self._names[0]]
        columns = [inputs[name] for name in self._names]
        if self._is_mixed:
            columns = [column.astype(np.object_) for column in columns]
        return np.column_stack(columns)


def untrusted_types(path: Path) -> list[str]:
    """What a skops file holds that is neither known to skops nor a class of scikit-learn or NumPy."""
    return [name for name in skops.io.get_untrusted_types(file=path) if not _is_trusted(name)]


def _is_trusted(name: str) -> bool:
    # Classes only: the functions of NumPy can read and write files, and an estimator may call what it holds.
    return name.split(".")[0] in TRUSTED_PACKAGES and isinstance(pkgutil.resolve_name(name), type)


def load_skops(path: Path) -> Any:
    """Raises PackageError when the file cannot be read, or has types of neither sklearn nor NumPy."""
    try:
        refused = untrusted_types(path)
        if not refused:
            return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    except Exception as error:  # skops raises what the zip, JSON and estimators in it happen to raise
        raise PackageError(f"skops cannot load {path.name}: {type(error).__name__}: {error}") from error
    raise PackageError(f"{path.name} has types that are not trusted: {', '.join(refused)}.")


def load_pickle(path: Path) -> Any:
    """Runs whatever code the pickle contains; only for packages whose owner opted in."""
    try:
        return pickle.loads(path.read_bytes())  # noqa: S301 - the owner opted in
    except Exception as error:  # a pickle runs any code, so it raises any exception
        raise PackageError(f"{path.name} cannot be unpickled: {type(error).__name__}: {error}") from error


def _method(estimator: Any, output: str) -> Any:
    name = "predict_proba" if output == PROBABILITIES else "predict"
    if not callable(method := getattr(estimator, name, None)):
        raise PackageError(f"The signature has the output {output}, but a {type(estimator).__name__} has no {name}.")
    return method


def _check_order(estimator: Any, names: list[str]) -> None:
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None:
        return
    if list(fitted) != names:
        raise PackageError(f"The model was fitted on {', '.join(fitted)}, the signature has {', '.join(names)}.")
    # The order is checked, once for all; sklearn would warn at every prediction that it can't do so.
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)
