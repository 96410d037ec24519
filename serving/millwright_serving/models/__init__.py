"""Models by package format, behind one Protocol."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from millwright_serving.datatypes import Array
from millwright_serving.package import MODEL_FILES, Manifest, PackageError, require_allowed


class Model(Protocol):
    """Predicts from any thread. Arrays are as the signature says: [rows] or [rows, n] each."""

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs of the signature, by name. Raises whatever the library raises on values it refuses."""
        ...


def load_model(folder: Path, manifest: Manifest, allow_pickle: bool, threads: int = 1, arena: bool = True) -> Model:
    """The model of a verified package. Raises PackageError when it can't or may not be loaded."""
    path = folder / MODEL_FILES[manifest.format]
    if not path.is_file():
        raise PackageError(f"The package has no {path.name}.")
    require_allowed(manifest, allow_pickle)
    # Imported by need: a pod of an ONNX model must not pay for scikit-learn, nor the other way round.
    if manifest.format == "onnx":
        from millwright_serving.models.onnx import OnnxModel

        return OnnxModel(path, manifest.signature, threads, arena)
    if manifest.format == "mlflow":
        from millwright_serving.models.pyfunc import load_pyfunc

        return load_pyfunc(folder, manifest.signature)
    from millwright_serving.models.estimator import EstimatorModel, load_pickle, load_skops

    estimator = load_skops(path) if manifest.format == "skops" else load_pickle(path)
    return EstimatorModel(estimator, manifest.signature)
