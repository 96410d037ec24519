"""The states of a pipeline's tasks while it runs."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

TAIL_LINES = 40
OUT_OF_MEMORY = (137, -9)  # SIGKILL, seen through the shell and directly; in a pod the kernel's OOM killer sends it


@dataclass(frozen=True)
class Task:
    """One task as the contract shows it; times are RFC 3339 in UTC, empty until they are known."""

    name: str
    state: str = "Pending"
    startTime: str | None = None
    endTime: str | None = None


@dataclass(frozen=True)
class TaskFailure:
    """Why a task failed: the exit code of its process, if one ran, and the end of its output."""

    task: str
    exit_code: int | None
    output: str

    @property
    def reason(self) -> str:
        """OOMKilled or Error."""
        return "OOMKilled" if self.exit_code in OUT_OF_MEMORY else "Error"


@dataclass
class TaskBoard:
    """All tasks of a run, in pipeline order. Thread-safe: ParallelFor runs tasks in several threads.

    `on_change` is called with the list after each change, in the thread that made it: it must not block.
    """

    names: Iterable[str]
    on_change: Callable[[list[dict[str, str | None]]], None] = lambda tasks: None
    failures: list[TaskFailure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tasks = {name: Task(name) for name in self.names}
        self._lock = threading.Lock()

    def start(self, name: str) -> str:
        """Mark a task as running and return the key to end it with: a loop's later rounds are `name-2`, `name-3`."""
        with self._lock:
            key, count = name, 1
            while self._tasks.get(key, Task(key)).state != "Pending":
                count += 1
                key = f"{name}-{count}"
            self._set(Task(key, "Running", _now()))
        return key

    def succeed(self, key: str) -> None:
        """Mark a running task as done."""
        with self._lock:
            self._set(replace(self._tasks[key], state="Succeeded", endTime=_now()))

    def fail(self, key: str, exit_code: int | None, output: str) -> None:
        """Mark a running task as failed and keep the reason; the first failure is the run's."""
        with self._lock:
            self.failures.append(TaskFailure(key, exit_code, output))
            self._set(replace(self._tasks[key], state="Failed", endTime=_now()))

    def finish(self) -> None:
        """The run is over: what never started was skipped, what still runs was cut off."""
        ends = {"Pending": "Skipped", "Running": "Failed"}
        with self._lock:
            for task in list(self._tasks.values()):
                if task.state in ends:
                    self._set(replace(task, state=ends[task.state], endTime=task.startTime and _now()))

    def as_list(self) -> list[dict[str, str | None]]:
        """The tasks in the contract's JSON form."""
        return [{key: value for key, value in asdict(task).items() if value} for task in self._tasks.values()]

    def _set(self, task: Task) -> None:
        self._tasks[task.name] = task
        self.on_change(self.as_list())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
