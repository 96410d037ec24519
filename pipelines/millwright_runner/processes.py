"""The processes of the tasks: started, watched line by line, and ended together."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from millwright_runner.tasks import TAIL_LINES

GRACE_SECONDS = 5.0
TERMINATED = 143  # what a shell reports for SIGTERM


@dataclass(frozen=True)
class Ended:
    """A process that is over: its exit code and the last lines it wrote (stdout and stderr together)."""

    exit_code: int
    output: str


@dataclass
class Processes:
    """Runs commands with `environment`; `stop` ends all that run, and nothing starts afterwards."""

    environment: Mapping[str, str]
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _stopping: bool = False

    def run(self, command: Sequence[str], label: str, extra: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end, printing its output with `label` in front of each line."""
        if self._stopping:
            return Ended(TERMINATED, "")
        with self._popen(command, {**self.environment, "PYTHONUNBUFFERED": "1", **(extra or {})}) as process:
            self._running.add(process)
            try:
                tail = _stream(process, label)
                return Ended(process.wait(), "\n".join(tail))
            finally:
                self._running.discard(process)

    def stop(self) -> None:
        """Send SIGTERM to every process and its children, and SIGKILL after the grace period."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        timer = threading.Timer(GRACE_SECONDS, self._signal, [signal.SIGKILL])
        timer.daemon = True
        timer.start()

    def _popen(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 (running the users' code is what this is for)
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            errors="replace",
            start_new_session=True,  # its own group, so that its children can be ended with it
        )
        _prefer_for_oom(process.pid)
        return process

    def _signal(self, number: signal.Signals) -> None:
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)


def _stream(process: subprocess.Popen[str], label: str) -> deque[str]:
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    assert process.stdout is not None  # it is a pipe, see _popen
    for line in process.stdout:
        tail.append(line.rstrip())
        sys.stdout.write(f"[{label}] {line}")
        sys.stdout.flush()
    return tail


def _prefer_for_oom(pid: int) -> None:
    # When memory runs out the task should die, not the runner, who then can still say which task it was.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
