"""Models in MLflow's format: the one that a run logged, found and downloaded; opened without running its code."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME

from millwright_runner import samples
from millwright_runner.outcome import Rejected
from millwright_runner.samples import Sample
from millwright_serving.models.estimator import load_skops, untrusted_types
from millwright_serving.package import Format, digest_of

UNSAFE, UNSUPPORTED, INVALID = "UnsafeFormat", "UnsupportedModel", "InvalidModel"
ORIGINAL = "original.json"


@dataclass(frozen=True)
class MlflowModel:
    """A downloaded MLflow model: its folder, and what its MLmodel says."""

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
        return self._file(flavour["data"]) if flavour else None

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
        return self._file(self.sklearn["pickled_model"])

    @property
    def is_skops(self) -> bool:
        """Whether the scikit-learn model is in the safe format."""
        return self.sklearn is not None and self.sklearn.get("serialization_format") == "skops"

    def _file(self, name: Any) -> Path:
        path = (self.folder / str(name)).resolve()
        if not path.is_relative_to(self.folder.resolve()) or not path.is_file():
            raise Rejected(INVALID, f"The MLmodel names the file {name}, which is not in its folder.")
        return path


@dataclass(frozen=True)
class Original:
    """A model as it came, and the digest of that. `model_id`: in MLflow, if it came from there.

    `predictions`: what it is said to answer on the sample: a list, or a list by output.
    """

    model: MlflowModel
    digest: str
    sample: Sample | None
    predictions: Any = None
    model_id: str = ""


def fetch(client: MlflowClient, run_id: str, folder: Path) -> Original:
    """The last model that the run logged, in a folder below `folder`. Raises `Rejected` (NoModelLogged)."""
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
    model = MlflowModel(local, Model.load(str(local)))
    return Original(model, digest_of(local), samples.logged_with(model.description, str(local)), model_id=model_id)


def log(client: MlflowClient, run_id: str, path: Path, format: Format) -> str:
    """Log a package's model file as the run's model, for who loads versions by MLflow; returns its ID.

    Of format mlflow it is all that came, which the Model has allowed. Nothing else of another model from elsewhere is
    logged: an MLmodel can name code, and nobody has looked at that.
    """
    experiment_id = client.get_run(run_id).info.experiment_id
    model_id = str(client.create_logged_model(experiment_id, "model", run_id).model_id)
    with tempfile.TemporaryDirectory() as folder:
        if format == "mlflow":
            shutil.copytree(path.parent, folder, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, Path(folder, path.name))
            _description(run_id, model_id, path.name, format).save(str(Path(folder, MLMODEL_FILE_NAME)))
        client.log_model_artifacts(model_id, folder)
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    return model_id


def _description(run_id: str, model_id: str, name: str, format: Format) -> Model:
    description = Model(run_id=run_id, model_id=model_id)
    if format == "onnx":
        mlflow.pyfunc.add_to_model(description, "mlflow.onnx", data=name)
        description.add_flavor("onnx", onnx_version=version("onnx"), data=name)
        return description
    serialization = {"serialization_format": "skops" if format == "skops" else "cloudpickle"}
    mlflow.pyfunc.add_to_model(description, "mlflow.sklearn", model_path=name)
    description.add_flavor("sklearn", pickled_model=name, sklearn_version=version("scikit-learn"), **serialization)
    return description


def load_sklearn(model: MlflowModel, allow_pickle: bool) -> Any:
    """The scikit-learn estimator. Raises `Rejected` (UnsafeFormat) for a pickle, unless allowed; (UnsupportedModel) for
    a skops file that the server would not load; (InvalidModel) for what is no estimator.
    """
    estimator = _load_skops(model.sklearn_file) if model.is_skops else _load_pickle(model, allow_pickle)
    if not callable(getattr(estimator, "predict", None)):
        raise Rejected(INVALID, f"The model is a {type(estimator).__name__}, which has no predict.")
    return estimator


def _load_pickle(model: MlflowModel, allow_pickle: bool) -> Any:
    if not allow_pickle:
        raise Rejected(
            UNSAFE,
            "The model was logged as a pickle, which may run any code when it is loaded. Log it "
            "with MLflow's default format (skops), or set spec.allowPickle: true on the Model.",
        )
    return mlflow.sklearn.load_model(str(model.folder))


def _load_skops(path: Path) -> Any:
    try:
        if not (foreign := untrusted_types(path)):
            return load_skops(path)
    except Exception as error:  # skops raises what the zip, JSON and estimators in it happen to raise
        raise Rejected(INVALID, f"{path.name} is no skops file: {type(error).__name__}: {error}") from error
    raise Rejected(
        UNSUPPORTED,
        "The model contains what is neither a class of scikit-learn nor of NumPy, so the server "
        f"will not load it: {', '.join(foreign)}.",
    )
