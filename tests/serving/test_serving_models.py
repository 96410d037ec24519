import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from tests.serving import packages

from millwright_serving.models import load_model
from millwright_serving.models.estimator import untrusted_types
from millwright_serving.package import Manifest, PackageError, Signature, Tensor

Onnx = tuple[Path, Manifest, LogisticRegression]


def columns_of(table: np.ndarray) -> dict[str, np.ndarray]:
    return {name: table[:, index] for index, name in enumerate(packages.COLUMNS)}


def test_an_onnx_model_predicts_as_the_original(onnx: Onnx) -> None:
    folder, manifest, original = onnx
    table = packages.rows(1000, seed=1)

    outputs = load_model(folder, manifest, allow_pickle=False).predict(columns_of(table))

    assert outputs["probabilities"].shape == (1000, 2)
    np.testing.assert_allclose(outputs["probabilities"], original.predict_proba(table), atol=1e-6, rtol=0)
    np.testing.assert_array_equal(outputs["label"], original.predict(table))


@pytest.mark.parametrize("estimator", [LogisticRegression(), HistGradientBoostingClassifier(max_iter=3)])
def test_a_skops_model_predicts_as_the_original(tmp_path: Path, estimator: Any) -> None:
    table = packages.rows(200)
    estimator.fit(table, (table[:, 0] > 0).astype(np.int64))
    manifest = packages.skops_package(tmp_path, estimator)

    outputs = load_model(tmp_path, manifest, allow_pickle=False).predict({"input": table})

    np.testing.assert_array_equal(outputs["probabilities"], estimator.predict_proba(table))
    np.testing.assert_array_equal(outputs["label"], estimator.predict(table))


def test_columns_of_numbers_and_strings_reach_the_estimator_in_order(tmp_path: Path) -> None:
    carrier = np.array(["AA", "UA", "DL", "UA"], dtype=object)
    distance = np.array([1.0, 2.0, 3.0, 4.0])
    table = np.column_stack([distance.astype(object), carrier])
    encode = ColumnTransformer([("n", StandardScaler(), [0]), ("c", OneHotEncoder(), [1])])
    estimator = make_pipeline(encode, LinearRegression()).fit(table, distance * 2)
    inputs = (Tensor("distance", "FP64", (-1,)), Tensor("carrier", "BYTES", (-1,)))
    signature = Signature(inputs, (Tensor("prediction", "FP64", (-1,)),))
    manifest = packages.skops_package(tmp_path, estimator, signature)

    outputs = load_model(tmp_path, manifest, allow_pickle=False).predict({"carrier": carrier, "distance": distance})

    np.testing.assert_array_equal(outputs["prediction"], estimator.predict(table))


def test_a_model_fitted_on_named_columns_predicts_without_a_warning(tmp_path: Path) -> None:
    model = load_model(tmp_path, named_package(tmp_path, packages.COLUMNS), allow_pickle=False)

    assert model.predict(columns_of(packages.rows(3)))["label"].shape == (3,)


def test_a_model_fitted_on_other_columns_than_the_signature_has_is_refused(tmp_path: Path) -> None:
    manifest = named_package(tmp_path, packages.COLUMNS[::-1])

    with pytest.raises(PackageError, match="was fitted on hour, delay, distance"):
        load_model(tmp_path, manifest, allow_pickle=False)


def test_a_skops_file_with_types_of_others_is_refused(tmp_path: Path) -> None:
    manifest = packages.skops_package(tmp_path, FunctionTransformer(Path.exists), packages.BY_MATRIX)

    with pytest.raises(PackageError, match=r"not trusted: pathlib\."):
        load_model(tmp_path, manifest, allow_pickle=False)


def test_functions_that_merely_live_in_numpy_are_not_trusted(tmp_path: Path) -> None:
    skops.io.dump(FunctionTransformer(np.load), tmp_path / "model.skops")

    assert untrusted_types(tmp_path / "model.skops") == ["numpy.load"]


def test_a_pickle_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    original = packages.logistic_regression()
    manifest = packages.write(tmp_path, "pickle", pickle.dumps(original), packages.BY_MATRIX, None)
    table = packages.rows(4)

    with pytest.raises(PackageError, match="MILLWRIGHT_ALLOW_PICKLE"):
        load_model(tmp_path, manifest, allow_pickle=False)
    outputs = load_model(tmp_path, manifest, allow_pickle=True).predict({"input": table})
    np.testing.assert_array_equal(outputs["label"], original.predict(table))


def test_bytes_that_are_no_model_are_refused_with_the_reason(tmp_path: Path) -> None:
    for format, reason in (("onnx", "ONNX Runtime cannot load"), ("skops", "skops cannot load")):
        manifest = packages.write(tmp_path / format, format, b"junk", packages.BY_MATRIX, None)  # type: ignore[arg-type]
        with pytest.raises(PackageError, match=reason):
            load_model(tmp_path / format, manifest, allow_pickle=False)


def test_a_signature_that_is_not_the_onnx_models_is_refused(onnx: Onnx) -> None:
    folder, _, _ = onnx
    manifest = packages.write(folder, "onnx", (folder / "model.onnx").read_bytes(), packages.BY_MATRIX, None)

    with pytest.raises(PackageError, match="signature's inputs are input"):
        load_model(folder, manifest, allow_pickle=False)


def named_package(folder: Path, names: tuple[str, ...]) -> Manifest:
    """A skops package of a model as it is after `fit` on a table with the columns `names`."""
    original = packages.logistic_regression()
    original.feature_names_in_ = np.array(names, dtype=object)
    return packages.skops_package(folder, original, packages.BY_COLUMN)
