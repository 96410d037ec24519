"""The servers that are compared, each a process of an environment of its own, with one model."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.control_plane import free_port
from tests.bench.figures import cpu_seconds, family, resident_mib
from tests.bench.load import Request

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 180.0
LOOK_SECONDS = 0.5
STOP_SECONDS = 30.0
# One core each, as a pod has that asks for one.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Kind:
    """How a server is started for a model's folder, and asked. `answer`: probabilities out of its answer."""

    name: str
    command: Callable[[Path, int], list[str]]
    environment: Callable[[Path, int], dict[str, str]]
    ready: str
    path: str
    body: str
    answer: Callable[[Any], list[float]]


@dataclass(frozen=True)
class Server:
    """A running one."""

    kind: Kind
    request: Request
    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """Of all its processes."""
        return sum(cpu_seconds(pid) for pid in self.pids)

    def resident_mib(self) -> float:
        """Of all its processes."""
        return sum(resident_mib(pid) for pid in self.pids)


@contextmanager
def serving(kind: Kind, folder: Path) -> Iterator[Server]:
    """While it is ready. Its log is in the model's folder."""
    port, log = free_port(), folder / f"{kind.name}.log"
    environment = os.environ | ONE_THREAD | kind.environment(folder, port)
    with log.open("wb") as output:
        command = kind.command(folder, port)
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, cwd=folder, start_new_session=True
        )
    try:
        _wait(f"http://127.0.0.1:{port}{kind.ready}", process, log)
        request = Request(port, kind.path, (folder / kind.body).read_bytes())
        yield Server(kind, request, tuple(family(process.pid)))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{url} does not answer:\n{log.read_text()[-2000:]}") from None
            time.sleep(LOOK_SECONDS)


def _of_v2(answer: Any, output: str = "probabilities") -> list[float]:
    return list(next(found["data"] for found in answer["outputs"] if found["name"] == output))


def _ours(folder: Path, port: int) -> dict[str, str]:
    package = folder / "package"
    return {
        "PYTHONPATH": str(ROOT / "serving"),
        "MILLWRIGHT_PACKAGE_URI": str(package),
        "MILLWRIGHT_PACKAGE_DIGEST": json.loads((package / "manifest.json").read_text())["digest"],
        "MILLWRIGHT_MODEL_NAME": "model",
        "MILLWRIGHT_MODEL_VERSION": "1",
        "MILLWRIGHT_PORT": str(port),
    }


OURS = Kind(
    name="Millwright",
    command=lambda folder, port: [sys.executable, "-m", "millwright_serving"],
    environment=_ours,
    ready="/v2/health/ready",
    path="/v2/models/model/infer",
    body="infer.json",
    answer=_of_v2,
)


def kserve(environment: Path) -> Kind:
    """KServe's SDK server with the same ONNX file; no gRPC."""
    serve = [str(environment / "bin" / "python"), "-m", "tests.bench.kserve_server"]
    flags = ["--enable_grpc=false", "--enable_latency_logging=false"]
    return Kind(
        name="KServe",
        command=lambda folder, port: [*serve, f"--http_port={port}", *flags],
        environment=lambda folder, port: {
            "PYTHONPATH": str(ROOT),
            "BENCH_MODEL": str(folder / "package" / "model.onnx"),
        },
        ready="/v2/models/model/ready",
        path="/v2/models/model/infer",
        body="infer.json",
        answer=_of_v2,
    )


def mlflow(environment: Path) -> Kind:
    """`mlflow models serve` with the model as training logged it."""
    serve = [str(environment / "bin" / "mlflow"), "models", "serve", "--env-manager=local", "--workers=1"]
    return Kind(
        name="MLflow",
        command=lambda folder, port: [*serve, f"--model-uri={folder / 'mlflow'}", f"--port={port}"],
        environment=lambda folder, port: {"PYTHONPATH": "", "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"},
        ready="/ping",
        path="/invocations",
        body="invocations.json",
        answer=lambda answer: list(answer["predictions"][0]),
    )


def mlserver(environment: Path) -> Kind:
    """MLServer's scikit-learn runtime with the file that MLflow serves; in one process, which costs it least."""
    return Kind(
        name="MLServer",
        command=lambda folder, port: [str(environment / "bin" / "mlserver"), "start", str(folder / "mlserver")],
        environment=lambda folder, port: {
            "PYTHONPATH": "",
            "MLSERVER_PARALLEL_WORKERS": "0",
            "MLSERVER_DEBUG": "false",  # it would log requests
            "MLSERVER_HTTP_PORT": str(port),
            "MLSERVER_GRPC_PORT": str(free_port()),
            "MLSERVER_METRICS_PORT": str(free_port()),
        },
        ready="/v2/models/model/ready",
        path="/v2/models/model/infer",
        body="infer.json",
        answer=lambda answer: _of_v2(answer, "predict_proba"),
    )
