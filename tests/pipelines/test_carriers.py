"""The steps of the factory `carrier-delay` on a small table, one after another in this process."""

import json
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
from mlflow import MlflowClient

from carriers import joining, slices
from components import encoding
from millwright_runner import onnx_conversion
from millwright_runner.package import package
from millwright_runner.samples import Sample
from millwright_serving.package import Manifest


class Metrics(dict):
    """Stands for dsl.Metrics."""

    log_metric = dict.__setitem__


@dataclass
class Factory:
    """The steps, run once on two tables; artifacts are files of the folder."""

    folder: Path
    run_id: str
    rows: Metrics = field(default_factory=Metrics)  # what the slices' steps measured
    metrics: Metrics = field(default_factory=Metrics)  # what the comparison measured

    def artifact(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(path=str(self.folder / name))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def booster(self, name: str) -> xgboost.Booster:
        return xgboost.Booster(model_file=bytearray((self.folder / name).read_bytes()))

    def prepare(self) -> None:
        flights(3000, ["AA", "DL", "HA", "OO", "UA"], seed=0).to_parquet(self.folder / "training")
        flights(900, ["AA", "DL", "OO", "UA", "ZZ"], seed=1).to_parquet(self.folder / "held_out")
        names = ("training", "held_out", "encoded_training", "encoded_held_out", "categories")
        encoding.encode_strings.python_func(**{name: self.artifact(name) for name in names})
        self.slices = slices.find_slices.python_func(table=self.artifact("training"), column="carrier")

    def train(self) -> None:
        fit = {"table": self.artifact("encoded_training"), "target": "late", "learning_rate": 0.3}
        slices.train_pooled.python_func(**fit, rounds=20, max_depth=4, model=self.artifact("pooled"))
        own = {name: self.artifact(name) for name in ("categories", "pooled")} | {"column": "carrier", "min_rows": 100}
        for name in self.slices:
            slices.train_slice.python_func(
                **fit, **own, slice=name, rounds=10, max_depth=2, metrics=self.rows, model=self.artifact(name)
            )

    def join(self) -> None:
        inputs = {
            "models": [self.artifact(name) for name in self.slices],
            "pooled": self.artifact("pooled"),
            "table": self.artifact("held_out"),
            "encoded": self.artifact("encoded_held_out"),
            "joined": self.artifact("joined"),
            "column": "carrier",
            "target": "late",
        }
        outputs = {name: self.artifact(name) for name in ("comparison", "report")}
        self.model_id = joining.join_slices.python_func(**inputs, categories=self.artifact("categories"))
        os.environ["MLFLOW_RUN_ID"] = self.run_id  # MLflow removes it when a run ends
        self.weakest = joining.compare_slices.python_func(**inputs, **outputs, min_rows=50, metrics=self.metrics)
        os.environ["MLFLOW_RUN_ID"] = self.run_id


@pytest.fixture(scope="module")
def factory(tmp_path_factory, mlflow_database):
    folder = tmp_path_factory.mktemp("carriers")
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's hints
        factory = Factory(folder, open_run(folder, mlflow_database, environment))
        factory.prepare()
        factory.train()
        factory.join()
        yield factory
        mlflow.set_tracking_uri(None)  # other tests name theirs by the environment


def open_run(folder: Path, database: bytes, environment: pytest.MonkeyPatch) -> str:
    (folder / "mlflow.db").write_bytes(database)
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(uri)
    run_id = client.create_run(client.create_experiment("carriers", str(folder / "artifacts"))).info.run_id
    environment.setenv("MLFLOW_TRACKING_URI", uri)
    environment.setenv("MLFLOW_RUN_ID", run_id)
    mlflow.set_tracking_uri(uri)
    return run_id


def flights(count: int, carriers: list[str], seed: int) -> pd.DataFrame:
    """Carrier UA is late when others are not; all flights of HA are late; OO has few, DL flies from one airport."""
    random = np.random.default_rng(seed)
    share = {"OO": 0.01}
    weights = np.array([share.get(name, 1.0) for name in carriers])
    table = pd.DataFrame({"hour": random.integers(0, 24, count).astype("float64"), "temp": random.normal(size=count)})
    table.loc[random.random(count) < 0.2, "temp"] = np.nan
    table["carrier"] = random.choice(carriers, count, p=weights / weights.sum())
    table["origin"] = np.where(table.carrier == "DL", "LGA", random.choice(["EWR", "JFK"], count))
    late = ((table.hour > 12) ^ (table.carrier == "UA") ^ (random.random(count) < 0.1)) | (table.carrier == "HA")
    return table.assign(late=late.astype("int64"))


def joined_says(factory, rows: pd.DataFrame) -> np.ndarray:
    session = onnx_conversion.open_session((factory.folder / "joined").read_bytes())
    rows = rows.astype({"carrier": object, "origin": object})
    return onnx_conversion.predict(session, Sample(rows))["probabilities"][:, 1]


def boosters_say(factory, rows: pd.DataFrame) -> np.ndarray:
    """What XGBoost says, asked for the rows of each slice with its own booster."""
    known = json.loads(factory.text("categories"))
    numbers = rows.assign(**{n: [float(v.index(x)) if x in v else -1.0 for x in rows[n]] for n, v in known.items()})
    said = factory.booster("pooled").predict(xgboost.DMatrix(numbers))
    for name in factory.slices:
        if (its := (rows.carrier == name).to_numpy()).any():
            said[its] = factory.booster(name).predict(xgboost.DMatrix(numbers[its]))
    return said


def test_slices_are_found_in_the_data(factory):
    assert factory.slices == ["AA", "DL", "HA", "OO", "UA"]


@pytest.mark.parametrize(
    ("with_cuda", "reason"), [(False, "this XGBoost is built without CUDA"), (True, "no CUDA device")]
)
def test_training_without_a_gpu_says_why(factory, tmp_path, monkeypatch, capsys, with_cuda, reason):
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": with_cuda})
    model = SimpleNamespace(path=str(tmp_path / "model"))

    slices.train_pooled.python_func(
        table=factory.artifact("encoded_training"), target="late", rounds=1, max_depth=1, learning_rate=0.1, model=model
    )

    assert capsys.readouterr().out.startswith(f"Training on the CPU: {reason}")


def test_a_slice_with_few_rows_or_one_class_keeps_the_pooled_model_and_says_so(factory):
    reasons = {name: factory.booster(name).attr("fallback") for name in factory.slices}

    few, one_class = reasons.pop("OO"), reasons.pop("HA")
    assert few.endswith("rows are fewer than 100")
    assert one_class.endswith("rows have the same late")
    assert set(reasons.values()) == {None}
    assert {name for name in factory.rows if name.startswith("fallback/")} == {"fallback/HA", "fallback/OO"}
    assert sum(value for name, value in factory.rows.items() if name.startswith("rows/")) == 3000
    assert factory.booster("OO").num_boosted_rounds() == 20
    assert factory.booster("UA").num_boosted_rounds() == 30


def test_the_joined_model_says_what_each_carriers_booster_says(factory):
    rows = flights(3000, ["AA", "DL", "HA", "OO", "UA", "ZZ"], seed=2).drop(columns="late")

    assert rows.temp.isna().any()
    assert np.abs(joined_says(factory, rows) - boosters_say(factory, rows)).max() < 1e-6


def test_values_at_a_threshold_and_next_to_it_take_the_boosters_branch(factory):
    splits = factory.booster("pooled").trees_to_dataframe().query("Feature == 'temp'")["Split"].to_numpy("float32")
    around = [splits, np.nextafter(splits, np.float32(-9)), np.nextafter(splits, np.float32(9))]
    # Doubles that are no single precision numbers, on both sides of the threshold, too.
    temp = np.concatenate([*(it.astype("float64") for it in around), splits + 1e-12, splits.astype("float64") - 1e-12])
    carriers = np.resize(["AA", "DL", "UA", "ZZ"], len(temp))
    rows = pd.DataFrame({"hour": 12.0, "temp": temp, "carrier": carriers, "origin": "JFK"})

    assert len(rows) > 20
    assert np.abs(joined_says(factory, rows) - boosters_say(factory, rows)).max() < 1e-6


def test_the_slices_are_compared_and_the_weakest_is_named(factory):
    table = pd.read_csv(factory.folder / "comparison", index_col="carrier")

    judged = table[table["rows"] >= 50]
    assert factory.weakest == judged["auc"].idxmin()
    assert table.loc["HA", "rows"] == 0  # no flights in the held-out table
    assert factory.metrics["weakest_auc"] == judged["auc"].min()
    assert factory.metrics["auc/UA"] == pytest.approx(table.loc["UA", "auc"])
    assert factory.metrics["auc/UA"] > 0.8
    assert f"The weakest carrier is {factory.weakest}." in factory.text("report")
    logged = MlflowClient().get_run(factory.run_id).data
    assert factory.metrics.items() <= logged.metrics.items()
    assert (logged.metrics["slices"], logged.metrics["slices_own"]) == (5, 3)
    assert logged.tags["weakest_carrier"] == factory.weakest


def test_the_joined_model_becomes_a_package_compared_with_the_boosters(factory):
    outcome = package(str(factory.folder / "package"), allow_pickle=False)

    assert outcome.outcome == "Succeeded", outcome.message
    manifest = Manifest.from_json(factory.text("package/manifest.json"))
    assert (manifest.format, manifest.model_id) == ("onnx", factory.model_id)
    assert 0 < manifest.verification.max_abs_difference < 1e-6
    inputs = {tensor.name: tensor.datatype for tensor in manifest.signature.inputs}
    assert inputs == {"hour": "FP64", "temp": "FP64", "carrier": "BYTES", "origin": "BYTES"}
    assert [tensor.name for tensor in manifest.signature.outputs] == ["label", "probabilities"]
    carriers = {row[2] for row in json.loads(factory.text("package/sample.json"))["dataframe_split"]["data"]}
    assert carriers == {"AA", "DL", "OO", "UA", "ZZ"}
