"""Models that are neither ONNX nor scikit-learn: packaged as MLflow has them, and served by MLflow."""

import json
import os
import shutil
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from millwright_runner.fetching import Place
from millwright_runner.foreign_models import Foreign
from millwright_runner.package import import_model, package
from millwright_serving.package import Manifest, PackageError, digest_of
from millwright_serving.served import load_served
from millwright_serving.settings import ModelVersion

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow's hints about pickles and type hints
ROWS = pd.DataFrame({"distance": [100.0, 900.0, 2500.0], "carrier": ["AA", "DL", "AA"]})


class Rule(mlflow.pyfunc.PythonModel):
    """A table of two answers, by a rule that no converter knows."""

    def predict(self, context, model_input, params=None):
        far = model_input["distance"] > 500
        return pd.DataFrame({"late": far & (model_input["carrier"] == "AA"), "minutes": model_input["distance"] / 100})


class Sums(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input.reshape(len(model_input), -1).sum(axis=1)


class NeedsTorch(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        raise ModuleNotFoundError("No module named 'torch'")

    def predict(self, context, model_input, params=None):
        return model_input["distance"]


def logged(run_id, model, example, signature=None):
    with mlflow.start_run(run_id=run_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.log_model(
            name="model",
            python_model=model,
            input_example=example,
            signature=signature,
            pip_requirements=[],
            code_paths=[str(Path(__file__).parent / "tiny.py")],
        )
    os.environ["MLFLOW_RUN_ID"] = run_id  # MLflow removes it when a run ends


def served(folder, manifest, allow_pickle=True):
    return load_served(ModelVersion("m", "1", str(folder), manifest.digest, allow_pickle), folder)


def manifest_of(folder):
    return Manifest.from_json((folder / "manifest.json").read_text())


def test_a_pyfunc_is_packaged_whole_and_answers_its_sample_as_it_did(run, tmp_path):
    logged(run, Rule(), ROWS)

    outcome = package(str(tmp_path / "package"), allow_pickle=True)

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = manifest_of(tmp_path / "package")
    assert (manifest.format, manifest.verification.rows) == ("mlflow", 3)
    assert manifest.digest == digest_of(tmp_path / "package")
    assert {"MLmodel", "python_model.pkl", "code/tiny.py", "sample.json"} <= set(manifest.files)
    assert manifest.summary()["signature"] == {
        "inputs": [
            {"name": "distance", "datatype": "FP64", "shape": [-1]},
            {"name": "carrier", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "late", "datatype": "BOOL", "shape": [-1]},
            {"name": "minutes", "datatype": "FP64", "shape": [-1]},
        ],
    }
    assert json.loads((tmp_path / "package/sample.json").read_text())["predictions"] == {
        "late": [False, False, True],
        "minutes": [1.0, 9.0, 25.0],
    }
    model = served(tmp_path / "package", manifest)
    inputs = {"distance": np.array([600.0]), "carrier": np.array(["AA"], dtype=object)}
    assert model.model.predict(inputs)["late"].tolist() == [True]
    assert model.metadata()["platform"] == "mlflow_pyfunc"


def test_it_is_refused_until_the_model_allows_it(run, tmp_path):
    logged(run, Rule(), ROWS)

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert (outcome.outcome, outcome.reason) == ("Rejected", "UnsafeFormat")
    assert outcome.message.endswith("spec.allowPickle: true on the Model, and spec.runtime on its Deployments.")


def test_a_server_that_is_not_allowed_to_does_not_load_it(run, tmp_path):
    logged(run, Rule(), ROWS)
    package(str(tmp_path / "package"), allow_pickle=True)

    with pytest.raises(PackageError, match="format is mlflow, which can run any code"):
        served(tmp_path / "package", manifest_of(tmp_path / "package"), allow_pickle=False)


def test_where_its_libraries_are_missing_its_signature_tells_and_nothing_is_recorded(run, tmp_path):
    signature = mlflow.models.infer_signature(ROWS, np.array([1.0, 2.0, 3.0]))
    logged(run, NeedsTorch(), ROWS, signature)

    outcome = package(str(tmp_path / "package"), allow_pickle=True)

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = manifest_of(tmp_path / "package")
    assert manifest.verification.rows == 0
    assert manifest.verification.fallback.endswith("not compared: ModuleNotFoundError: No module named 'torch'")
    assert [tensor.to_dict() for tensor in manifest.signature.outputs] == [
        {"name": "prediction", "datatype": "FP64", "shape": [-1]}
    ]
    assert not (tmp_path / "package/sample.json").exists()
    with pytest.raises(PackageError, match=r"No module named 'torch'.*spec\.runtime\.image"):
        served(tmp_path / "package", manifest)


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 3)], ids=["a table", "images"])
def test_arrays_keep_their_type_and_shape(run, tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    logged(run, Sums(), array, mlflow.models.infer_signature(array, np.float32([1.0])))

    outcome = package(str(tmp_path / "package"), allow_pickle=True)

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = manifest_of(tmp_path / "package")
    (told,) = manifest.signature.inputs
    assert (told.datatype, told.shape) == ("FP32", (-1, *shape[1:]))
    assert manifest.verification.rows == (4 if len(shape) == 2 else 0)
    model = served(tmp_path / "package", manifest)
    assert model.model.predict({"input": array})["prediction"].tolist() == Sums().predict(None, array).tolist()


def test_one_from_elsewhere_is_imported_and_logged_whole(run, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = str(tmp_path / "theirs")
        mlflow.pyfunc.save_model(theirs, python_model=Rule(), input_example=ROWS, pip_requirements=[])

    outcome = import_model(str(tmp_path / "package"), True, Foreign(Place(theirs), "mlflow"))

    assert outcome.outcome == "Succeeded", outcome.message
    shutil.rmtree(theirs)
    again = mlflow.pyfunc.load_model(f"models:/{manifest_of(tmp_path / 'package').model_id}")
    assert again.predict(ROWS)["minutes"].tolist() == [1.0, 9.0, 25.0]
