"""Models that were trained elsewhere: fetched by their URI, and described as if MLflow had logged them."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME

from millwright_runner import samples
from millwright_runner.fetching import Place, fetch_file, fetch_folder
from millwright_runner.logged_models import INVALID, MlflowModel, Original
from millwright_runner.outcome import Rejected
from millwright_runner.samples import Sample
from millwright_serving.package import MODEL_FILES, Format

ForeignFormat = Literal["onnx", "skops", "mlflow"]
FLAVOURS: Mapping[Format, dict[str, Any]] = {
    "onnx": {"onnx": {"data": MODEL_FILES["onnx"]}},
    "skops": {"sklearn": {"pickled_model": MODEL_FILES["skops"], "serialization_format": "skops"}},
}


@dataclass(frozen=True)
class Foreign:
    """An ONNX or skops file, or an MLflow model's folder, and perhaps a sample in a JSON file (samples.read)."""

    place: Place
    format: ForeignFormat
    sample: Place | None = None

    def fetch(self, folder: Path) -> Original:
        """The model, copied into the new folder. Its sample is the one given beside it, or else the one logged in it.

        Raises as fetching does, and `Rejected` (InvalidModel, InvalidSample).
        """
        model, digest = self._folder(folder) if self.format == "mlflow" else self._file(folder, self.format)
        sample, predictions = self._given() if self.sample else (_logged(model), None)
        return Original(model, digest, sample, predictions)

    def _file(self, folder: Path, format: Format) -> tuple[MlflowModel, str]:
        folder.mkdir()
        digest = fetch_file(self.place, folder / MODEL_FILES[format])
        return MlflowModel(folder, Model(flavors=FLAVOURS[format])), digest

    def _folder(self, folder: Path) -> tuple[MlflowModel, str]:
        digest = fetch_folder(self.place, folder)
        try:
            return MlflowModel(folder, Model.load(str(folder))), digest
        except Exception as error:  # MLflow raises what its parts happen to raise
            message = f"{self.place.uri} is no MLflow model: its {MLMODEL_FILE_NAME} cannot be read: {error}"
            raise Rejected(INVALID, message) from error

    def _given(self) -> tuple[Sample, Any]:
        assert self.sample is not None
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "sample.json")
            fetch_file(self.sample, path)
            return samples.read(path)


def _logged(model: MlflowModel) -> Sample | None:
    if not model.description.saved_input_example_info:
        return None
    return samples.logged_with(model.description, str(model.folder))
