"""The installed operator and the cluster it is in."""

import json
import os
import re
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.kube import RELEASE_NAMESPACE, kubectl, service_address
from tests.cluster import kubeconfig_path

COMMAND = [b"-m", b"millwright", b""]
METRICS_PORT = 9090


def connect() -> None:
    """Lets Python's clients find the cluster; before they are imported."""
    os.environ["KUBECONFIG"] = str(kubeconfig_path())


def operator_pid() -> int:
    """The operator's process: the cluster's nodes are on this machine. Raises SystemExit where it is not."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = [pid for pid in pids if _command(pid)[1:] == COMMAND]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} processes `python -m millwright` on this machine, not one: run `make install`")
    return found[0]


def _command(pid: int) -> Sequence[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # ended meanwhile
        return ()


def metrics() -> dict[str, float]:
    """Sums over all labels of the operator's counters."""
    selector = ("-l", "app.kubernetes.io/component=operator", "-o", "jsonpath={.items[*].status.podIP}")
    address = kubectl("get", "pods", "-n", RELEASE_NAMESPACE, *selector)
    with urllib.request.urlopen(f"http://{address}:{METRICS_PORT}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    sums: dict[str, float] = {}
    for line in lines:
        if found := re.match(r"(\w+_total)(?:\{.*\})? (\S+)$", line):
            sums[found[1]] = sums.get(found[1], 0.0) + float(found[2])
    return sums


def mlflow(path: str, body: dict[str, Any], method: str = "POST") -> None:
    """A call of the installed MLflow's REST API 2.0."""
    url = f"http://{service_address('millwright-mlflow', RELEASE_NAMESPACE)}/api/2.0/mlflow/{path}"
    headers = {"Host": "localhost", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request, timeout=30).close()


def apply(*manifests: dict[str, Any]) -> None:
    """`kubectl apply`, all at once."""
    kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))
