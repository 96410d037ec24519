"""Models that were converted before they were logged are packaged as they are, when they say what the original does."""

import json
import os
import warnings

import mlflow
import onnx
import pytest
from sklearn.linear_model import LogisticRegression

from millwright_runner import onnx_conversion
from millwright_runner.package import package
from millwright_runner.samples import Sample
from millwright_serving.package import Manifest


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
    assert json.loads((tmp_path / "package/sample.json").read_text())["predictions"]["label"] == original["label"]


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

    assert (outcome.outcome, outcome.reason) == ("Rejected", "ConversionMismatch")
    assert sentence in outcome.message
    assert not (tmp_path / "package").exists()
