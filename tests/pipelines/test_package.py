"""The `package` command: what a run logged becomes a package that says the same."""

import json
import os
import warnings

import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler

from millwright_runner import onnx_conversion
from millwright_runner.destinations import Folder
from millwright_runner.package import package
from millwright_runner.samples import Sample
from millwright_serving.package import Manifest, digest_of, file_digests

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree"]


@pytest.fixture
def run(tmp_path, mlflow_database, monkeypatch):
    """A fresh MLflow run; the experiment's artifacts are files."""
    (tmp_path / "mlflow.db").write_bytes(mlflow_database)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("flights/arr-delay", str(tmp_path / "artifacts")))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    mlflow.set_tracking_uri(uri)
    return run.info.run_id


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "distance": random.normal(size=2000),
            "age": random.normal(size=2000),
            "hour": random.integers(0, 24, 2000),
            "carrier": random.choice(["AA", "DL", "UA"], 2000),
        }
    )
    table.loc[random.random(2000) < 0.2, "distance"] = np.nan
    return table


@pytest.fixture(scope="module")
def late(table) -> pd.Series:
    return ((table.hour > 12) ^ (table.carrier == "AA") ^ (table.distance > 0.5)).astype(int)


def log(run_id, model, example, **options) -> None:
    with mlflow.start_run(run_id=run_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's hints about integer columns and pickles
        signature = mlflow.models.infer_signature(example, model.predict(example))
        options = options or {"skops_trusted_types": TRUSTED}
        mlflow.sklearn.log_model(
            model, name="model", input_example=example, signature=signature, pip_requirements=[], **options
        )
    os.environ["MLFLOW_RUN_ID"] = run_id  # MLflow removes it when a run ends


def encoded(model):
    columns = [
        ("carrier", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["carrier"]),
        ("rest", "passthrough", ["distance", "age", "hour"]),
    ]
    return make_pipeline(ColumnTransformer(columns), model)


NUMBERS = ["distance", "age"]


@pytest.mark.parametrize(
    ("model", "columns"),
    {
        "scaled logistic regression": (make_pipeline(StandardScaler(), LogisticRegression()), ["age", "hour"]),
        "gradient boosting with missing values": (HistGradientBoostingClassifier(max_iter=30), NUMBERS),
        "gradient boosting of strings and numbers": (encoded(HistGradientBoostingClassifier(max_iter=30)), None),
        "random forest": (RandomForestClassifier(20, random_state=0), NUMBERS),
        "gradient boosting regression": (HistGradientBoostingRegressor(max_iter=30), NUMBERS),
    }.values(),
    ids=str,
)
def test_models_become_onnx_that_says_the_same(run, tmp_path, table, late, model, columns):
    example = table[columns or list(table.columns)]
    log(run, model.fit(example, late), example[:500])

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = Manifest.from_json((tmp_path / "package/manifest.json").read_text())
    assert manifest.format == "onnx"
    assert manifest.verification.rows == 500
    assert manifest.verification.max_abs_difference < 1e-12
    assert [tensor.name for tensor in manifest.signature.inputs] == list(example.columns)
    assert manifest.digest == digest_of(tmp_path / "package")
    assert manifest.files == file_digests(tmp_path / "package")
    tag = MlflowClient().get_run(run).data.tags["millwright.package"]
    assert json.loads(tag) == manifest.summary() == outcome.details["package"]


def test_three_classes_with_names_become_onnx(run, tmp_path, table):
    classes = np.array(["early", "late", "on time"])[table.hour % 3]
    log(run, HistGradientBoostingClassifier(max_iter=10).fit(table[NUMBERS], classes), table[NUMBERS][:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    outputs = outcome.details["package"]["signature"]["outputs"]
    assert outputs == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, 3]},
    ]


def test_a_model_trained_on_an_array_has_one_input(run, tmp_path, table, late):
    array = table[NUMBERS].to_numpy()
    log(run, HistGradientBoostingClassifier(max_iter=10).fit(array, late), array[:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.details["package"]["signature"]["inputs"] == [
        {"name": "input", "datatype": "FP64", "shape": [-1, 2]}
    ]


def test_missing_values_are_null_in_the_sample(run, tmp_path, table, late):
    log(run, HistGradientBoostingClassifier(max_iter=5).fit(table[NUMBERS], late), table[NUMBERS][:100])

    package(str(tmp_path / "package"), allow_pickle=False)

    sample = json.loads((tmp_path / "package/sample.json").read_text())
    assert len(sample["predictions"]) == len(sample["dataframe_split"]["data"]) == 100
    assert None in [row[0] for row in sample["dataframe_split"]["data"]]


@pytest.fixture
def unfaithful(monkeypatch) -> None:
    """Conversions say something else than the original model: each probability is off by 0.25."""
    faithful = onnx_conversion.predict

    def predict(session, sample):
        outputs = faithful(session, sample)
        return outputs | {"probabilities": outputs["probabilities"] + 0.25}

    monkeypatch.setattr(onnx_conversion, "predict", predict)


def test_what_does_not_convert_exactly_stays_in_skops_and_the_manifest_says_why(run, tmp_path, table, late, unfaithful):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.details["package"]["format"] == "skops"
    assert (tmp_path / "package/model.skops").exists()
    manifest = Manifest.from_json((tmp_path / "package/manifest.json").read_text())
    assert manifest.summary()["verification"] == {
        "rows": 100,
        "maxAbsDifference": 0.0,
        "fallback": "ConversionMismatch: max difference 0.25 > 1e-05",
    }


def test_what_has_no_converter_stays_in_skops_and_the_manifest_says_why(run, tmp_path, table, late):
    log(
        run,
        NearestCentroid().fit(table[["age"]], late),
        table[["age"]][:100],
        skops_trusted_types=["sklearn.neighbors._nearest_centroid.NearestCentroid"],
    )

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.details["package"]["format"] == "skops"
    assert outcome.details["package"]["verification"]["fallback"].startswith("ConversionUnsupported: ")


def test_a_mismatch_fails_when_the_server_cannot_run_the_original(run, tmp_path, table, late, unfaithful):
    # Columns selected by their names need a table, and the server has only arrays.
    model = encoded(HistGradientBoostingClassifier(max_iter=5)).fit(table, late)
    log(run, model, table[:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert (outcome.outcome, outcome.reason) == ("Failed", "ConversionMismatch")
    assert "max difference 0.25 > 1e-05. The server cannot run the original either: ValueError" in outcome.message
    assert not (tmp_path / "package").exists()


def log_onnx(run_id, model, example, folder, original) -> None:
    """Log what the model converts to, and what the original is said to answer."""
    (folder / "original.json").write_text(json.dumps(original))
    with mlflow.start_run(run_id=run_id), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.onnx.log_model(
            onnx.load_from_string(onnx_conversion.convert(model, Sample(example))),
            name="model",
            input_example=example,
            signature=mlflow.models.infer_signature(example),
            extra_files=[str(folder / "original.json")] if original else None,
            pip_requirements=[],
            save_as_external_data=False,
        )
    os.environ["MLFLOW_RUN_ID"] = run_id


@pytest.mark.parametrize("compared", [True, False])
def test_a_model_logged_as_onnx_is_compared_with_the_original_that_was_logged_beside_it(
    run, tmp_path, table, late, compared
):
    model, example = LogisticRegression().fit(table[["age"]], late), table[["age"]][:100]
    original = {"label": model.predict(example).tolist(), "probabilities": model.predict_proba(example).tolist()}
    log_onnx(run, model, example, tmp_path, original if compared else None)

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = Manifest.from_json((tmp_path / "package/manifest.json").read_text())
    assert (manifest.format, manifest.verification.rows) == ("onnx", 100)
    assert manifest.verification.max_abs_difference < 1e-6
    assert json.loads((tmp_path / "package/sample.json").read_text())["predictions"] == original["label"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"probabilities": [[0.0, 1.0]] * 100}, "max difference"),
        ({"label": [2] * 100}, "label differs"),
        ({"label": [0]}, "label differs"),
        ({"score": [0.5] * 100}, "score differs"),
    ],
)
def test_a_model_logged_as_onnx_that_differs_from_the_original_is_not_packaged(
    run, tmp_path, table, late, wrong, sentence
):
    log_onnx(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100], tmp_path, wrong)

    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert (outcome.outcome, outcome.reason) == ("Failed", "ConversionMismatch")
    assert sentence in outcome.message
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("allow_pickle", [False, True])
def test_what_the_server_would_not_load_is_refused(run, tmp_path, table, late, allow_pickle):
    model = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()).fit(table[["age"]], late)
    log(run, model, table[["age"]][:100], skops_trusted_types=["numpy.nan_to_num"])

    outcome = package(str(tmp_path / "package"), allow_pickle=allow_pickle)

    assert (outcome.outcome, outcome.reason) == ("Rejected", "UnsafeFormat")
    assert outcome.message.endswith("the server will not load it: numpy.nan_to_num.")


def test_a_pickle_is_refused_unless_allowed(run, tmp_path, table, late, unfaithful):
    log(run, ComplementNB().fit(table[["hour"]], late), table[["hour"]][:100], serialization_format="cloudpickle")

    refused = package(str(tmp_path / "package"), allow_pickle=False)
    allowed = package(str(tmp_path / "package"), allow_pickle=True)

    assert (refused.outcome, refused.reason) == ("Rejected", "UnsafeFormat")
    assert refused.message.endswith("or set spec.allowPickle: true on the Model.")
    assert allowed.details["package"]["format"] == "pickle"


def test_a_run_without_a_model_says_what_to_do(run, tmp_path):
    outcome = package(str(tmp_path / "package"), allow_pickle=False)

    assert (outcome.outcome, outcome.reason) == ("Failed", "NoModelLogged")
    assert "mlflow.sklearn.log_model" in outcome.message


def test_packaging_twice_stores_once(run, tmp_path, table, late):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])
    first = package(str(tmp_path / "package"), allow_pickle=False)
    (tmp_path / "package/model.onnx").write_bytes(b"untouched")

    second = package(str(tmp_path / "package"), allow_pickle=False)

    assert second == first
    assert (tmp_path / "package/model.onnx").read_bytes() == b"untouched"


COPY = {"pipeline.yaml": "pipelineInfo: {name: a}", "parameters.json": "{}", "replay.json": '{"schemaVersion": 1}'}


def mounted(folder, names):
    """A ConfigMap as the kubelet mounts it: links to files in a folder whose name changes."""
    (folder / "..2026_01_01").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026_01_01")
    for name in names:
        (folder / "..2026_01_01" / name).write_text(COPY[name])
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def test_the_execution_s_copy_is_stored_beside_the_package_and_is_no_part_of_it(run, tmp_path, table, late):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False, copy=mounted(tmp_path / "mounted", COPY))

    assert outcome.outcome == "Succeeded", outcome.message
    assert {path.name: path.read_text() for path in (tmp_path / "package.replay").iterdir()} == COPY
    assert sorted(path.name for path in (tmp_path / "package").iterdir()) == [
        "manifest.json",
        "model.onnx",
        "sample.json",
    ]
    assert outcome.details["package"]["digest"] == digest_of(tmp_path / "package")


@pytest.mark.parametrize("names", [[], ["pipeline.yaml", "parameters.json"]])
def test_half_a_copy_is_none_and_no_reason_to_fail(run, tmp_path, table, late, names):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False, copy=mounted(tmp_path / "mounted", names))

    assert outcome.outcome == "Succeeded", outcome.message
    assert not (tmp_path / "package.replay").exists()


def test_a_package_that_is_complete_has_its_copy(run, tmp_path, table, late, monkeypatch):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])
    order = []
    store = Folder.store
    monkeypatch.setattr(Folder, "store", lambda self, folder: (order.append(folder.name), store(self, folder)))

    package(str(tmp_path / "package"), allow_pickle=False, copy=mounted(tmp_path / "mounted", COPY))

    assert order == ["copy", "package"]
