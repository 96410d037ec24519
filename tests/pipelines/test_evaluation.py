"""The component that judges classifiers."""

from types import SimpleNamespace

import pytest
from logged import log
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

from components.evaluation import evaluate_classifier


@pytest.fixture
def metrics(run, tmp_path, table, late):
    """Metrics of the MLflow run after an evaluation of flights by carrier, and on none."""
    model = log(run, LogisticRegression().fit(table[["hour"]], late), table[["hour"]][:100])
    held_out = table[["hour"]].assign(late=late)
    held_out.to_parquet(tmp_path / "held_out")
    seen = {}
    evaluate_classifier.python_func(
        model_id=model,
        table=SimpleNamespace(path=str(tmp_path / "held_out")),
        target="late",
        scenarios={"night": "hour >= 20", "never": "hour > 24"},
        metrics=SimpleNamespace(log_metric=lambda name, value: seen.update({name: value})),
    )
    assert seen == MlflowClient().get_run(run).data.metrics
    return seen


def test_each_scenario_is_scored_on_its_own_rows(metrics, table):
    assert metrics["n_rows/night"] == (table.hour >= 20).sum() < metrics["n_rows"] == len(table)
    assert 0 <= metrics["roc_auc/night"] <= 1
    assert metrics["roc_auc/night"] != metrics["roc_auc"]


def test_a_scenario_that_cannot_be_scored_is_not(metrics):
    assert metrics["n_rows/never"] == 0
    assert "roc_auc/never" not in metrics
