"""`millwright_runner run`: one compiled pipeline from beginning to end."""

import json
import os
import shutil
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from kfp import components, local
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

from millwright_runner import ir
from millwright_runner.kfp_hooks import observed
from millwright_runner.mlflow_reporter import FLUSH_SECONDS, MlflowReporter, NoReporter
from millwright_runner.outcome import Outcome, Rejected
from millwright_runner.processes import TERMINATED, Processes
from millwright_runner.tasks import TaskBoard, TaskFailure


class Terminated(SystemExit):
    """SIGTERM arrived: a SystemExit, so that nothing on the way up takes it for a task's failure."""


def run(pipeline: Path, parameters_file: Path, workspace: Path) -> Outcome:
    """Run a compiled pipeline; every way it can end is an `Outcome`.

    Outputs are kept below `<workspace>/outputs`. MLflow is told about it if MLFLOW_RUN_ID is set.
    """
    try:
        spec = ir.read(pipeline)
        arguments = _read_parameters(parameters_file, ir.parameter_names(spec))
    except Rejected as rejected:
        return rejected.outcome
    return _run(pipeline, spec, arguments, workspace)


def _run(pipeline: Path, spec: PipelineSpec, arguments: Mapping[str, Any], workspace: Path) -> Outcome:
    processes = Processes(dict(os.environ))
    reporter = _reporter()
    board = TaskBoard(ir.task_names(spec), reporter.report)
    reporter.report(board.as_list())
    error: BaseException | None = None
    try:
        with observed(board, processes, reporter.log_metrics), _ended_by_sigterm(processes):
            _execute(pipeline, arguments, workspace)
    except (Exception, Terminated) as caught:
        error = caught
    board.finish()
    reporter.close()
    return _outcome(board, error)


def _reporter() -> MlflowReporter | NoReporter:
    if not (run_id := os.environ.get("MLFLOW_RUN_ID")):
        return NoReporter()
    return MlflowReporter(run_id, float(os.environ.get("MILLWRIGHT_FLUSH_SECONDS", FLUSH_SECONDS)))


def _execute(pipeline: Path, arguments: Mapping[str, Any], workspace: Path) -> None:
    """Run by kfp.local; outputs of a former attempt are removed, so that none is taken for this one's."""
    outputs = workspace / "outputs"
    shutil.rmtree(outputs, ignore_errors=True)
    local.init(
        local.SubprocessRunner(use_venv=False),
        pipeline_root=str(outputs),
        workspace_root=str(workspace / "kfp-workspace"),
    )
    components.load_component_from_file(str(pipeline))(**arguments)


def _read_parameters(path: Path, known: Collection[str]) -> dict[str, Any]:
    """As the operator wrote them, who checked them against the pipeline; a person at a keyboard errs in names."""
    try:
        given = json.loads(path.read_text())
    except ValueError as error:
        raise Rejected("InvalidParameter", f"The parameters are not JSON: {error}") from error
    if not isinstance(given, dict):
        raise Rejected("InvalidParameter", "The parameters must be an object of names and values.")
    if unknown := sorted(given.keys() - known):
        raise Rejected("InvalidParameter", f"The pipeline has no parameter {unknown[0]}; it has {', '.join(known)}.")
    return given


def _outcome(board: TaskBoard, error: BaseException | None) -> Outcome:
    tasks = {"tasks": board.as_list()}
    if error is None:
        return Outcome("Succeeded", details=tasks)
    if isinstance(error, Terminated):
        return Outcome("Failed", "Error", "The run was ended by SIGTERM.", {"exitCode": TERMINATED, **tasks})
    if board.failures:
        return _failed_task(board.failures[0], tasks)
    return Outcome("Failed", "Error", f"{type(error).__name__}: {error}", tasks)


def _failed_task(failure: TaskFailure, tasks: Mapping[str, Any]) -> Outcome:
    details = {"task": failure.task, **tasks}
    if failure.exit_code is not None:
        details["exitCode"] = failure.exit_code
    return Outcome("Failed", failure.reason, failure.output, details)


@contextmanager
def _ended_by_sigterm(processes: Processes) -> Iterator[None]:
    def terminate(number: int, frame: FrameType | None) -> None:
        processes.stop()
        raise Terminated(TERMINATED)

    former = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
