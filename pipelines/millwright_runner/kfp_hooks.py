"""The two places where kfp.local is replaced, because it has no hooks of its own (kfp 2.17).

- `task_executor.execute_single_task`, called for each step that runs code: tells the board when it starts and ends.
- `subprocess_task_handler.run_local_subprocess`, which starts the step's process: keeps the exit code and the last
  lines, which kfp.local throws away, and lets SIGTERM reach the process.
"""

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from kfp import dsl
from kfp.local import status, subprocess_task_handler
from kfp.local.orchestrator import task_executor

from millwright_runner.processes import Ended, Processes
from millwright_runner.tasks import TaskBoard

MetricsSink = Callable[[Mapping[str, float]], None]


@contextlib.contextmanager
def observed(board: TaskBoard, processes: Processes, log_metrics: MetricsSink) -> Iterator[None]:
    """While open, kfp.local reports tasks to `board`, starts them by `processes` and hands over KFP Metrics."""
    hooks = _Hooks(board, processes, log_metrics)
    with (
        mock.patch.object(task_executor, "execute_single_task", hooks.execute_single_task),
        mock.patch.object(subprocess_task_handler, "run_local_subprocess", hooks.run_local_subprocess),
        warnings.catch_warnings(),
    ):
        # kfp.local warns about every image without "python" in its name and every resource limit: both are normal here.
        warnings.filterwarnings("ignore", module=r"kfp\.local")
        yield


@dataclass
class _Hooks:
    board: TaskBoard
    processes: Processes
    log_metrics: MetricsSink
    original: Callable[..., tuple[dict[str, Any], status.Status]] = field(
        default_factory=lambda: task_executor.execute_single_task
    )
    current: threading.local = field(default_factory=threading.local)  # the task of this thread, its last process

    def execute_single_task(self, task_name: str, **arguments: Any) -> tuple[dict[str, Any], status.Status]:
        key = self.current.task = self.board.start(task_name)
        self.current.ended = None
        try:
            outputs, ended_as = self.original(task_name=task_name, **arguments)
        except Exception as error:
            self._fail(key, f"{type(error).__name__}: {error}")
            raise
        if ended_as == status.Status.SUCCESS:
            self.board.succeed(key)
            self._hand_over_metrics(outputs)
        else:
            self._fail(key, "The task failed without output.")
        return outputs, ended_as

    def run_local_subprocess(self, full_command: Sequence[str], env_vars: Mapping[str, str] | None = None) -> int:
        ended = self.current.ended = self.processes.run(full_command, self.current.task, env_vars)
        return ended.exit_code

    def _fail(self, key: str, otherwise: str) -> None:
        """The process's own words if it failed; if it succeeded or never ran, what kfp.local said."""
        ended: Ended | None = self.current.ended
        if ended is None or ended.exit_code == 0:
            self.board.fail(key, None, otherwise)
        else:
            self.board.fail(key, ended.exit_code, ended.output or otherwise)

    def _hand_over_metrics(self, outputs: Mapping[str, Any]) -> None:
        for artifact in outputs.values():
            if isinstance(artifact, dsl.Metrics) and (values := _numbers(artifact.metadata)):
                self.log_metrics(values)


def _numbers(metadata: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in metadata.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
