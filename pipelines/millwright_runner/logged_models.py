"""The model that an MLflow run logged: found, downloaded, opened without running its code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.models import Model

from millwright_runner.outcome import Rejected
from millwright_serving.models.estimator import load_skops, untrusted_types

UNSAFE, UNSUPPORTED = "UnsafeFormat", "UnsupportedModel"
ORIGINAL = "original.json"


@dataclass(frozen=True)
class LoggedModel:
    """A downloaded MLflow model."""

    model_id: str
    folder: Path
    description: Model

    @property
    def sklearn(self) -> Mapping[str, Any] | None:
        """The scikit-learn flavour's configuration, if the model has it."""
        flavour: Mapping[str, Any] | None = self.description.flavors.get("sklearn")
        return flavour

    @property
    def onnx(self) -> Path | None:
        """The ONNX file, if the model was logged as ONNX."""
        flavour = self.description.flavors.get("onnx")
        return self.folder / flavour["data"] if flavour else None

    @property
    def original(self) -> Mapping[str, Any] | None:
        """What the model that the ONNX model was made from says on the input example, by output, if it was logged."""
        path = self.folder / "extra_files" / ORIGINAL
        answers: Mapping[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return answers

    @property
    def sklearn_file(self) -> Path:
        """The serialized scikit-learn model."""
        assert self.sklearn is not None
        return self.folder / str(self.sklearn["pickled_model"])

    @property
    def is_skops(self) -> bool:
        """Whether the scikit-learn model is in the safe format."""
        return self.sklearn is not None and self.sklearn.get("serialization_format") == "skops"


def download(client: MlflowClient, run_id: str, folder: Path) -> LoggedModel:
    """The last model that the run logged. Raises `Rejected` (NoModelLogged) if there is none."""
    outputs = client.get_run(run_id).outputs
    models = [client.get_logged_model(it.model_id) for it in (outputs.model_outputs if outputs else [])]
    if not models:
        raise Rejected(
            "NoModelLogged",
            "The MLflow run has logged no model. Log one in the training step, for example "
            "with mlflow.sklearn.log_model(model, name='model', input_example=rows).",
        )
    model_id = str(max(models, key=lambda it: it.creation_timestamp).model_id)
    local = Path(mlflow.artifacts.download_artifacts(f"models:/{model_id}", dst_path=str(folder)))
    return LoggedModel(model_id, local, Model.load(str(local)))


def load_sklearn(model: LoggedModel, allow_pickle: bool) -> Any:
    """The scikit-learn estimator. Raises `Rejected` (UnsafeFormat) for a pickle, unless allowed, and
    (UnsupportedModel) for a skops file that the server would not load.
    """
    if model.is_skops:
        return _load_skops(model.sklearn_file)
    if not allow_pickle:
        raise Rejected(
            UNSAFE,
            "The model was logged as a pickle, which may run any code when it is loaded. Log it "
            "with MLflow's default format (skops), or set spec.allowPickle: true on the Model.",
        )
    return mlflow.sklearn.load_model(str(model.folder))


def _load_skops(path: Path) -> Any:
    if foreign := untrusted_types(path):
        raise Rejected(
            UNSUPPORTED,
            "The model contains what is neither a class of scikit-learn nor of NumPy, so the server "
            f"will not load it: {', '.join(foreign)}.",
        )
    return load_skops(path)
