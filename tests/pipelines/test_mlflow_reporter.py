"""Telling MLflow, and knowing when there is nobody to tell."""

import pytest
from mlflow import MlflowClient

from millwright_runner import mlflow_reporter
from millwright_runner.mlflow_reporter import MlflowReporter

UNHEARD = "f" * 32
LONG = 60.0  # far more than it takes; who waits for it fails


@pytest.fixture
def client(tmp_path, mlflow_database, monkeypatch) -> MlflowClient:
    (tmp_path / "mlflow.db").write_bytes(mlflow_database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")


def test_metrics_and_tasks_are_written_until_it_is_closed(client):
    run_id = client.create_run("0").info.run_id
    reporter = MlflowReporter(run_id, LONG)
    reporter.log_metrics({"roc_auc": 0.75})
    reporter.report([{"name": "train", "state": "Running"}])
    reporter.close()

    data = client.get_run(run_id).data
    assert data.metrics == {"roc_auc": 0.75}
    assert data.tags["millwright.tasks"] == '[{"name": "train", "state": "Running"}]'


class Away:
    """An MLflow that cannot be reached at first."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.written = {}

    def log_metric(self, run_id: str, name: str, value: float) -> None:
        if self.times:
            self.times -= 1
            raise ConnectionError("nobody listens")
        self.written[name] = value


def test_what_could_not_be_written_is_kept_with_one_warning(monkeypatch, capsys):
    away = Away(times=2)
    monkeypatch.setattr(mlflow_reporter, "_connect", lambda: away)
    monkeypatch.setattr(mlflow_reporter, "RETRY_SECONDS", 0.01)
    reporter = MlflowReporter("run", LONG)
    reporter.log_metrics({"roc_auc": 0.75})
    reporter.close()

    assert away.written == {"roc_auc": 0.75}
    assert capsys.readouterr().out == "WARNING MLflow cannot be told about this run (trying on): nobody listens\n"


def test_closing_waits_no_longer_than_the_flush_limit(monkeypatch):
    monkeypatch.setattr(mlflow_reporter, "_connect", lambda: Away(times=10**9))
    reporter = MlflowReporter("run", flush_seconds=0.0)
    reporter.log_metrics({"roc_auc": 0.75})
    reporter.close()

    assert reporter._thread.is_alive() and reporter._thread.daemon


def test_a_run_that_mlflow_does_not_know_is_given_up_at_once(client, capsys):
    reporter = MlflowReporter(UNHEARD, LONG)
    reporter.log_metrics({"roc_auc": 0.75})
    reporter._thread.join(LONG)

    assert not reporter._thread.is_alive()
    assert capsys.readouterr().out.startswith("WARNING MLflow is told no more about this run: ")
    reporter.log_metrics({"loss": 0.1})
    reporter.close()
