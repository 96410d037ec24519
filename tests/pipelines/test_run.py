"""The `run` command from the outside: files in, termination message, MLflow run and exit code out."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
from kfp import compiler
from mlflow import MlflowClient

NO_MLFLOW = {"MLFLOW_RUN_ID": ""}  # for what MLflow has no part in: its import takes longer than the pipeline


class Runner:
    """Runs tiny pipelines as a pod would, with a fresh MLflow run in a SQLite file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"sqlite:///{folder}/mlflow.db"
        self.client = MlflowClient(self.uri)
        experiment = self.client.create_experiment("flights/arr-delay", str(folder / "artifacts"))
        self.run_id = self.client.create_run(experiment).info.run_id

    def start(self, pipeline, parameters=None, **environment) -> subprocess.Popen:
        compiler.Compiler().compile(pipeline, str(self.folder / "pipeline.yaml"))
        (self.folder / "parameters.json").write_text(json.dumps(parameters or {}))
        return self.start_file(**environment)

    def start_file(self, **environment) -> subprocess.Popen:
        mlflow = {
            "MLFLOW_TRACKING_URI": self.uri,
            "MLFLOW_RUN_ID": self.run_id,
            "MLFLOW_EXPERIMENT_NAME": "flights/arr-delay",
        }
        command = [
            sys.executable,
            "-m",
            "millwright_runner",
            "run",
            "--pipeline",
            "pipeline.yaml",
            "--parameters",
            "parameters.json",
            "--workspace",
            str(self.folder / "ws"),
            "--termination-log",
            "message.json",
        ]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **mlflow, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, pipeline, parameters=None, **environment) -> dict:
        return self.end(self.start(pipeline, parameters, **environment))

    def end(self, process: subprocess.Popen) -> dict:
        self.output = process.communicate(timeout=60)[0]
        self.exit_code = process.returncode
        return json.loads((self.folder / "message.json").read_text())

    def recorded(self):
        return self.client.get_run(self.run_id).data


@pytest.fixture
def runner(tmp_path, mlflow_database) -> Runner:
    (tmp_path / "mlflow.db").write_bytes(mlflow_database)
    return Runner(tmp_path)


def states(message: dict) -> dict[str, str]:
    return {task["name"]: task["state"] for task in message["tasks"]}


def test_a_pipeline_with_branches_and_loops_succeeds_and_shows_its_tasks_and_metrics(runner):
    message = runner.run(tiny.all_kinds, {"number": 7})

    assert (message["outcome"], runner.exit_code) == ("Succeeded", 0), runner.output
    assert states(message) == {
        "double": "Succeeded",
        "double-2": "Skipped",
        "write": "Succeeded",
        "judge": "Succeeded",
        "double-3": "Succeeded",
        "double-3-2": "Succeeded",
        "double-3-3": "Succeeded",
    }
    assert json.loads(runner.recorded().tags["millwright.tasks"]) == message["tasks"]
    assert runner.recorded().metrics == {"size": 14.0}


def test_artifacts_of_a_loop_over_what_a_step_found_are_collected_in_order(runner):
    message = runner.run(tiny.fan_out, {"to": 4})

    assert message["outcome"] == "Succeeded", runner.output
    assert runner.recorded().metrics == {"joined": 123.0}
    written = [name for name in states(message) if name.startswith("write-text")]
    assert written == ["write-text", "write-text-2", "write-text-3", "write-text-4"]


def test_a_failing_task_is_named_with_its_exit_code_and_its_last_lines(runner):
    message = runner.run(tiny.failing, {"message": "the table is empty"}, **NO_MLFLOW)

    assert (message["outcome"], message["reason"], runner.exit_code) == ("Failed", "Error", 1)
    assert (message["task"], message["exitCode"]) == ("fail", 1)
    assert message["message"].endswith("RuntimeError: the table is empty")
    assert states(message) == {"double": "Succeeded", "fail": "Failed", "double-2": "Skipped"}


def test_a_killed_task_is_reported_as_out_of_memory(runner):
    message = runner.run(tiny.out_of_memory, **NO_MLFLOW)

    assert (message["reason"], message["task"], message["exitCode"]) == ("OOMKilled", "be-killed", 137)


def test_steps_in_a_row_resume_the_same_mlflow_run(runner):
    message = runner.run(tiny.logging_steps)

    assert message["outcome"] == "Succeeded", runner.output
    assert runner.recorded().metrics == {"first": 1.0, "second": 2.0}


def test_a_pipeline_runs_on_when_mlflow_cannot_be_reached(runner):
    nobody = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MILLWRIGHT_FLUSH_SECONDS": "1"}
    message = runner.run(tiny.typed, {"count": 1}, **nobody)

    assert (message["outcome"], runner.exit_code) == ("Succeeded", 0), runner.output


def test_sigterm_ends_the_task_and_says_so(runner):
    process = runner.start(tiny.slow, **NO_MLFLOW)
    wait_for_line(process, "sleeping")

    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    message = runner.end(process)

    assert message["message"] == "The run was ended by SIGTERM."
    assert states(message) == {"sleep": "Failed"}
    assert time.monotonic() - began < 20


def test_a_parameter_that_the_pipeline_does_not_have_is_rejected_before_anything_runs(runner):
    message = runner.run(tiny.typed, {"count": 1, "cuont": 2})

    sentence = "The pipeline has no parameter cuont; it has count, items, on, options, ratio, title."
    assert message == {"outcome": "Rejected", "reason": "InvalidParameter", "message": sentence}
    assert runner.exit_code == 2
    assert "millwright.tasks" not in runner.recorded().tags


def test_a_file_that_is_no_pipeline_is_rejected(runner):
    (runner.folder / "pipeline.yaml").write_text("kind: ConfigMap")
    (runner.folder / "parameters.json").write_text("{}")

    message = runner.end(runner.start_file())

    assert (message["outcome"], message["reason"]) == ("Rejected", "InvalidPipeline")


def wait_for_line(process: subprocess.Popen, text: str) -> None:
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the process ended without {text!r}")
