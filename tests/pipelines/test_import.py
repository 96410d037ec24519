"""The `import` command: a model that was trained elsewhere becomes a package that says the same."""

import hashlib
import json

import mlflow
import numpy as np
import onnx
import pytest
import skops.io
from logged import TRUSTED
from mlflow import MlflowClient
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from millwright_runner.fetching import Place
from millwright_runner.foreign_models import Foreign
from millwright_runner.package import import_model
from millwright_serving.models import load_model
from millwright_serving.package import Manifest, digest_of

COLUMNS = ["age", "hour"]


@pytest.fixture(scope="module")
def model(table, late):
    """A model that takes arrays."""
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(table[COLUMNS].to_numpy(), late)


@pytest.fixture
def onnx_file(tmp_path, model):
    """The model as somebody else converts it: single precision, one matrix of their name."""
    return written(tmp_path / "theirs.onnx", as_onnx(model))


def as_onnx(model, **options):
    options = options or {"zipmap": False}
    types = [("X", FloatTensorType([None, len(COLUMNS)]))]
    converted = convert_sklearn(model, initial_types=types, options={id(model): options}, target_opset=17)
    return converted.SerializeToString()


def written(path, content):
    path.write_bytes(content)
    return path


def sample_of(path, table, **predictions):
    """The first rows of the table, and what somebody says of them."""
    body = {"inputs": table[COLUMNS][:50].to_numpy().tolist()} | predictions
    return written(path, json.dumps(body).encode())


def imported(tmp_path, source, format, digest=None, sample=None, allow_pickle=False):
    given = Place(str(sample)) if sample else None
    return import_model(str(tmp_path / "package"), allow_pickle, Foreign(Place(str(source), digest), format, given))


def sha256(path):
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def stored(tmp_path):
    return Manifest.from_json((tmp_path / "package/manifest.json").read_text())


def logged_models(run):
    outputs = MlflowClient().get_run(run).outputs
    return [it.model_id for it in outputs.model_outputs] if outputs else []


def test_an_onnx_file_is_taken_as_it_is_and_tells_its_inputs(run, tmp_path, onnx_file):
    outcome = imported(tmp_path, onnx_file, "onnx", digest=sha256(onnx_file))

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = stored(tmp_path)
    assert manifest.summary() == outcome.details["package"]
    assert manifest.summary()["signature"] == {
        "inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }
    assert (manifest.source_digest, manifest.verification.rows) == (sha256(onnx_file), 0)
    assert (tmp_path / "package/model.onnx").read_bytes() == onnx_file.read_bytes()
    assert sorted(path.name for path in (tmp_path / "package").iterdir()) == ["manifest.json", "model.onnx"]


def test_an_imported_model_is_the_run_s_logged_model_and_loads_by_mlflow(run, tmp_path, table, model, onnx_file):
    imported(tmp_path, onnx_file, "onnx")

    assert logged_models(run) == [stored(tmp_path).model_id]
    loaded = mlflow.pyfunc.load_model(f"models:/{stored(tmp_path).model_id}")
    rows = table[COLUMNS][:10].to_numpy(dtype="float32")
    assert loaded.predict(rows)["label"].tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("by_output", [True, False])
def test_an_onnx_file_is_compared_with_what_the_sample_says(run, tmp_path, table, model, onnx_file, by_output):
    rows = table[COLUMNS][:50].to_numpy()
    label, probabilities = model.predict(rows).tolist(), model.predict_proba(rows).tolist()
    said = {"label": label, "probabilities": probabilities} if by_output else label
    sample = sample_of(tmp_path / "sample.json", table, predictions=said)

    outcome = imported(tmp_path, onnx_file, "onnx", sample=sample)

    assert outcome.outcome == "Succeeded", outcome.message
    verification = stored(tmp_path).verification
    assert verification.rows == 50
    assert (0 < verification.max_abs_difference < 1e-5) is by_output
    assert json.loads((tmp_path / "package/sample.json").read_text())["predictions"]["label"] == label


def test_the_server_answers_as_the_imported_model_does(run, tmp_path, table, model, onnx_file):
    imported(tmp_path, onnx_file, "onnx", sample=sample_of(tmp_path / "sample.json", table))

    served = load_model(tmp_path / "package", stored(tmp_path), allow_pickle=False)
    rows = table[COLUMNS].to_numpy()
    answers = served.predict({"X": rows})
    assert np.allclose(answers["probabilities"], model.predict_proba(rows), atol=1e-6)


def test_a_skops_file_becomes_onnx_that_says_the_same(run, tmp_path, table, late):
    model = HistGradientBoostingClassifier(max_iter=10).fit(table[COLUMNS], late)
    source = written(tmp_path / "theirs.skops", skops.io.dumps(model))
    split = {"columns": COLUMNS, "data": table[COLUMNS][:50].to_numpy().tolist()}
    said = model.predict_proba(table[COLUMNS][:50]).tolist()
    body = json.dumps({"dataframe_split": split, "predictions": {"probabilities": said}})

    outcome = imported(tmp_path, source, "skops", sample=written(tmp_path / "sample.json", body.encode()))

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = stored(tmp_path)
    assert (manifest.format, manifest.source_digest) == ("onnx", sha256(source))
    assert [(t.name, t.datatype) for t in manifest.signature.inputs] == [("age", "FP64"), ("hour", "FP64")]
    assert manifest.verification.rows == 50 and manifest.verification.max_abs_difference < 1e-12


def saved(folder, model, example, **options):
    """An MLflow model's folder, as `mlflow.sklearn.save_model` leaves it elsewhere."""
    options = options or {"skops_trusted_types": TRUSTED}
    signature = mlflow.models.infer_signature(example, model.predict(example))
    mlflow.sklearn.save_model(model, folder, input_example=example, signature=signature, pip_requirements=[], **options)
    return folder


@pytest.mark.filterwarnings("ignore")  # MLflow's hints about pickles
def test_an_mlflow_folder_is_packaged_with_its_own_example(run, tmp_path, table, late):
    model = HistGradientBoostingClassifier(max_iter=10).fit(table[COLUMNS], late)
    source = saved(tmp_path / "theirs", model, table[COLUMNS].astype("float64")[:100])

    outcome = imported(tmp_path, source, "mlflow", digest=digest_of(source))

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = stored(tmp_path)
    assert (manifest.format, manifest.verification.rows) == ("onnx", 100)
    assert manifest.source_digest == digest_of(source)
    assert mlflow.onnx.load_model(f"models:/{manifest.model_id}") is not None


@pytest.mark.filterwarnings("ignore")
def test_onnx_in_an_mlflow_folder_may_have_its_weights_in_another_file(run, tmp_path, table, late):
    model = LogisticRegression().fit(table[COLUMNS].to_numpy(), late)
    converted = onnx.load_from_string(as_onnx(model))
    weights = onnx.numpy_helper.from_array(np.ones((1, 2000), dtype="float32"), "unused")
    converted.graph.initializer.append(weights)
    source = tmp_path / "theirs"
    mlflow.onnx.save_model(converted, source, pip_requirements=[], save_as_external_data=True)
    assert len(list(source.glob("*"))) > len({"MLmodel", "model.onnx"}), "the weights are in a file of their own"

    outcome = imported(tmp_path, source, "mlflow", sample=sample_of(tmp_path / "sample.json", table))

    assert outcome.outcome == "Succeeded", outcome.message
    assert (tmp_path / "package/model.onnx").stat().st_size > 4 * 2000


@pytest.mark.filterwarnings("ignore")
def test_a_pickle_is_refused_unless_allowed(run, tmp_path, table, late):
    model = LogisticRegression().fit(table[COLUMNS], late)
    example = table[COLUMNS].astype("float64")[:100]
    source = saved(tmp_path / "theirs", model, example, serialization_format="cloudpickle")

    refused = imported(tmp_path, source, "mlflow")
    allowed = imported(tmp_path, source, "mlflow", allow_pickle=True)

    assert (refused.outcome, refused.reason) == ("Rejected", "UnsafeFormat")
    assert allowed.outcome == "Succeeded", allowed.message
    assert len(logged_models(run)) == 1


def test_importing_twice_stores_and_logs_once(run, tmp_path, onnx_file):
    first = imported(tmp_path, onnx_file, "onnx")
    (tmp_path / "package/model.onnx").write_bytes(b"untouched")

    assert imported(tmp_path, onnx_file, "onnx") == first
    assert (tmp_path / "package/model.onnx").read_bytes() == b"untouched"
    assert len(logged_models(run)) == 1


# What is wrong → the format it is said to be of, what becomes of it, and words of the message.
NO_SKOPS = ("skops", "Rejected", "InvalidModel", "model.skops is no skops file")
WRONG = {
    "another digest": ("onnx", "Rejected", "DigestMismatch", "is asked for; nothing of it was opened"),
    "no such object": ("onnx", "Failed", "ObjectNotFound", "There is no object"),
    "no such folder": ("mlflow", "Failed", "ObjectNotFound", "There is no object below"),
    "a text for ONNX": ("onnx", "Rejected", "InvalidModel", "model.onnx is no ONNX model that can run here"),
    "a text for skops": NO_SKOPS,
    "ONNX for skops": NO_SKOPS,
    "a list in skops": ("skops", "Rejected", "InvalidModel", "The model is a list, which has no predict"),
    "skops without a sample": ("skops", "Rejected", "SampleNeeded", "give a sample with it"),
    "skops that calls what it likes": ("skops", "Rejected", "UnsupportedModel", "will not load it: numpy.nan_to_num"),
    "a folder without MLmodel": ("mlflow", "Rejected", "InvalidModel", "is no MLflow model"),
    "an MLmodel that leaves its folder": ("mlflow", "Rejected", "InvalidModel", "which is not in its folder"),
    "a flavour that is not served": (
        "mlflow",
        "Rejected",
        "UnsupportedModel",
        "served are ONNX and scikit-learn models",
    ),
    "maps for probabilities": ("onnx", "Rejected", "UnsupportedModel", "Convert it with zipmap=False"),
    "a sample of other columns": ("onnx", "Rejected", "InvalidSample", "cannot answer its own sample"),
    "a sample that is no JSON": ("onnx", "Rejected", "InvalidSample", "The sample is to be JSON with dataframe_split"),
    "a sample without rows": ("onnx", "Rejected", "InvalidSample", "it has no rows"),
    "other predictions": ("onnx", "Rejected", "PredictionsDiffer", "label differs"),
    "too few predictions": ("onnx", "Rejected", "PredictionsDiffer", "label differs"),
    "predictions of another output": ("onnx", "Rejected", "PredictionsDiffer", "score differs"),
}
DIGESTS = {"another digest": "sha256:" + "0" * 64}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_leaves_nothing_behind(run, tmp_path, table, model, onnx_file, case):
    format, outcome, reason, words = WRONG[case]
    source, sample = given(case, tmp_path, table, model, onnx_file)

    found = imported(tmp_path, source, format, DIGESTS.get(case), sample)

    assert (found.outcome, found.reason) == (outcome, reason), found.message
    assert words in found.message
    assert not (tmp_path / "package").exists()
    assert logged_models(run) == []


def given(case, tmp_path, table, model, onnx_file):
    """The source, and the sample (None: none) of a case."""
    folder, file = tmp_path / "folder", tmp_path / "file"
    sample = sample_of(tmp_path / "rows.json", table) if "skops" in case or case == "a list in skops" else None
    match case:
        case "no such object" | "no such folder":
            return tmp_path / "absent", None
        case "a text for ONNX" | "a text for skops":
            return written(file, b"this is a text"), sample
        case "ONNX for skops":
            return onnx_file, sample
        case "a list in skops":
            return written(file, skops.io.dumps([1, 2])), sample
        case "skops without a sample":
            return written(file, skops.io.dumps(model)), None
        case "skops that calls what it likes":
            return written(file, skops.io.dumps(FunctionTransformer(np.nan_to_num))), sample
        case "a folder without MLmodel":
            folder.mkdir()
            written(folder / "model.onnx", b"")
            return folder, None
        case "an MLmodel that leaves its folder":
            return described(folder, {"onnx": {"data": f"../{onnx_file.name}"}}), None
        case "a flavour that is not served":
            return described(folder, {"pytorch": {"model_data": "data"}}), None
        case "maps for probabilities":
            return written(file, as_onnx(model, zipmap=True)), None
        case "a sample of other columns":
            return onnx_file, written(file, json.dumps({"inputs": [[1.0, 2.0, 3.0]]}).encode())
        case "a sample that is no JSON":
            return onnx_file, written(file, b"1,2,3")
        case "a sample without rows":
            return onnx_file, written(file, b'{"inputs": []}')
        case "other predictions":
            return onnx_file, sample_of(file, table, predictions=[2] * 50)
        case "too few predictions":
            return onnx_file, sample_of(file, table, predictions=[0])
        case "predictions of another output":
            return onnx_file, sample_of(file, table, predictions={"score": [0.5] * 50})
    return onnx_file, None


def described(folder, flavours):
    folder.mkdir()
    mlflow.models.Model(flavors=flavours).save(str(folder / "MLmodel"))
    return folder
