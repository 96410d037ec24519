"""The operator as a process of its own, `python -m millwright`, so that memory and CPU are the operator's alone."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.control_plane import ControlPlane, free_port
from tests.bench.figures import FOLDER, cpu_seconds, resident_mib

LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")
QUIET_SECONDS = 4.0
PATIENCE_SECONDS = 1800.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class OperatorProcess:
    """A running one. `began`: when it was started, by the monotonic clock."""

    process: "subprocess.Popen[bytes]"
    metrics_port: int
    log: Path
    began: float

    def reconciles(self) -> dict[str, float]:
        """Looks at objects since it was started, by kind; none while it does not answer yet."""
        found: dict[str, float] = {}
        for labels, value in self._metric("millwright_reconciles_total"):
            kind = labels["kind"]
            found[kind] = found.get(kind, 0.0) + value
        return found

    def writes(self) -> float:
        """Requests to the Kubernetes API that write, since it was started."""
        return sum(value for _, value in self._metric("millwright_api_writes_total"))

    def waiting(self) -> float:
        """Objects that wait for their turn."""
        return sum(value for _, value in self._metric("millwright_queue_depth"))

    def cpu(self) -> float:
        """CPU seconds since it was started."""
        return cpu_seconds(self.process.pid)

    def rss(self) -> float:
        """MiB that it has now."""
        return resident_mib(self.process.pid)

    def until_quiet(self) -> None:
        """Until it has had nothing to do for some seconds."""
        before: tuple[float, float] | None = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (now := (sum(self.reconciles().values()), self.writes())) != before or self.waiting():
            assert time.monotonic() < deadline, f"the operator does not come to rest; its log is {self.log}"
            before = now
            time.sleep(QUIET_SECONDS)

    def _metric(self, name: str) -> list[tuple[dict[str, str], float]]:
        if self.process.poll() is not None:
            raise SystemExit(f"the operator has ended:\n{self.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
                lines = [LINE.match(line) for line in answer.read().decode().splitlines()]
        except (urllib.error.URLError, OSError):
            return []
        found = [line for line in lines if line and line[1] == name]
        return [(dict(re.findall(r'(\w+)="([^"]*)"', line[2] or "")), float(line[3])) for line in found]


@contextmanager
def operator(plane: ControlPlane, mlflow_url: str) -> Iterator[OperatorProcess]:
    """Until it has stopped by itself when told to. Its settings and its log stay in `.bench/`."""
    FOLDER.mkdir(exist_ok=True)
    metrics_port = free_port()
    settings = {
        "images": {"runner": "none", "serving": "none"},
        "mlflow": {"trackingUri": mlflow_url},
        "storage": {"packages": "s3://models"},
        "lease": {"namespace": "default"},
        "metricsPort": metrics_port,
        "healthPort": free_port(),
    }
    file, log = FOLDER / "operator.yaml", FOLDER / "operator.log"
    file.write_text(json.dumps(settings))
    names = {"KUBECONFIG": str(plane.kubeconfig), "MILLWRIGHT_SETTINGS_FILE": str(file)}
    # Bytecode is there when it is started again, as it is in the image.
    names |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode")}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "millwright"]
        began = time.monotonic()
        process = subprocess.Popen(command, env=os.environ | names, stdout=output, stderr=output)
    try:
        yield OperatorProcess(process, metrics_port, log, began)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
