"""The `package` command: what a run logged becomes a package that says the same."""

import json

import numpy as np
import pytest
from logged import log
from mlflow import MlflowClient
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler

from millwright_runner import onnx_conversion
from millwright_runner.package import package
from millwright_serving.models import load_model
from millwright_serving.package import Manifest, digest_of, file_digests
from millwright_serving.verification import largest_difference


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
    said = json.loads((tmp_path / "package/sample.json").read_text())["predictions"]
    served = load_model(tmp_path / "package", manifest, allow_pickle=False)
    rows = {name: example[name][:500].to_numpy() for name in example}
    assert largest_difference(said, served.predict(rows)) < 1e-12
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
    assert len(sample["predictions"]["label"]) == len(sample["dataframe_split"]["data"]) == 100
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
        "tolerance": 1e-5,
        "fallback": "ConversionMismatch: max difference 0.25 > 1e-05",
    }


def test_the_sample_has_what_the_model_said_in_all_outputs(run, tmp_path, table, late):
    model, example = LogisticRegression().fit(table[["age"]], late), table[["age"]][:100]
    log(run, model, example)

    package(str(tmp_path / "package"), allow_pickle=False)

    assert json.loads((tmp_path / "package/sample.json").read_text())["predictions"] == {
        "label": model.predict(example).tolist(),
        "probabilities": model.predict_proba(example).tolist(),
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

    assert (outcome.outcome, outcome.reason) == ("Rejected", "ConversionMismatch")
    assert "max difference 0.25 > 1e-05. The server cannot run the original either: ValueError" in outcome.message
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("allow_pickle", [False, True])
def test_what_the_server_would_not_load_is_refused(run, tmp_path, table, late, allow_pickle):
    model = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()).fit(table[["age"]], late)
    log(run, model, table[["age"]][:100], skops_trusted_types=["numpy.nan_to_num"])

    outcome = package(str(tmp_path / "package"), allow_pickle=allow_pickle)

    assert (outcome.outcome, outcome.reason) == ("Rejected", "UnsupportedModel")
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

    assert (outcome.outcome, outcome.reason) == ("Rejected", "NoModelLogged")
    assert "mlflow.sklearn.log_model" in outcome.message


def test_packaging_twice_stores_once(run, tmp_path, table, late):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])
    first = package(str(tmp_path / "package"), allow_pickle=False)
    (tmp_path / "package/model.onnx").write_bytes(b"untouched")

    second = package(str(tmp_path / "package"), allow_pickle=False)

    assert second == first
    assert (tmp_path / "package/model.onnx").read_bytes() == b"untouched"
