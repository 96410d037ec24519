# ruff: noqa: T201 (what a pod prints is its log)
"""Telling MLflow about a running pipeline, without ever holding it up."""

import json
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

TASKS_TAG = "millwright.tasks"
TAG_LIMIT = 5000  # bytes that MLflow accepts in a tag's value
RETRY_SECONDS = 1.0
FLUSH_SECONDS = 20.0
UNKNOWN_RUN = "RESOURCE_DOES_NOT_EXIST"


class MlflowReporter:
    """Writes the latest task list as a tag, and metrics, from one background thread.

    Only the newest list counts, so a slow server sees fewer updates, not late ones. Metrics are kept until they are
    written: gates judge them. While MLflow cannot be reached a warning is printed, once. A run that MLflow does not
    know will not appear: that ends the reporting.
    """

    def __init__(self, run_id: str, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._run_id, self._flush_seconds = run_id, flush_seconds
        self._tasks: list[dict[str, str | None]] | None = None
        self._metrics: dict[str, float] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._warned = False
        self._client: MlflowClient | None = None
        self._thread = threading.Thread(target=self._work, name="mlflow-reporter", daemon=True)
        self._thread.start()

    def report(self, tasks: list[dict[str, str | None]]) -> None:
        """Take a task list to be written; returns at once."""
        with self._wake:
            self._tasks = tasks
            self._wake.notify()

    def log_metrics(self, values: Mapping[str, float]) -> None:
        """Take metrics to be written; returns at once."""
        with self._wake:
            self._metrics.update(values)
            self._wake.notify()

    def close(self) -> None:
        """Write what is left, for at most `flush_seconds`."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(self._flush_seconds)

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            try:
                self._write(*batch)
            except Exception as error:  # whatever MLflow has, the pipeline goes on
                if getattr(error, "error_code", None) == UNKNOWN_RUN:
                    print(f"WARNING MLflow is told no more about this run: {error}", flush=True)
                    return
                self._put_back(*batch)
                self._warn(error)

    def _take(self) -> tuple[list[dict[str, str | None]] | None, dict[str, float]] | None:
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._tasks is not None or self._metrics)
            batch = self._tasks, self._metrics
            self._tasks, self._metrics = None, {}
        return batch if batch[0] is not None or batch[1] else None

    def _put_back(self, tasks: list[dict[str, str | None]] | None, metrics: dict[str, float]) -> None:
        with self._wake:
            self._tasks = tasks if self._tasks is None else self._tasks
            self._metrics = {**metrics, **self._metrics}
            self._wake.wait(RETRY_SECONDS)

    def _write(self, tasks: list[dict[str, str | None]] | None, metrics: dict[str, float]) -> None:
        client = self._client = self._client or _connect()
        for name, value in metrics.items():
            client.log_metric(self._run_id, name, value)
        if tasks is not None:
            client.set_tag(self._run_id, TASKS_TAG, _bounded(tasks))

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            print(f"WARNING MLflow cannot be told about this run (trying on): {error}", flush=True)
        self._warned = True


class NoReporter:
    """Takes the reporter's place where there is no MLflow run."""

    def report(self, tasks: list[dict[str, str | None]]) -> None:
        """Do nothing."""

    def log_metrics(self, values: Mapping[str, float]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _connect() -> "MlflowClient":
    # Few and short tries inside MLflow: the loop above tries again, and close() must not wait for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from mlflow import MlflowClient  # takes seconds to import, which the pipeline need not wait for

    return MlflowClient()


def _bounded(tasks: list[dict[str, Any]]) -> str:
    while len(text := json.dumps(tasks)) > TAG_LIMIT:
        tasks = tasks[1:]
    return text
