"""P4, P6 at a small scale: memory, CPU and writes of the installed operator while nothing happens.

`N` TrainingRuns that have succeeded and `MODELS` Models, beside what is in the cluster; `SECONDS` of rest. The runs'
status is written by the benchmark, as if they had run. Other runs that are under way make other figures: they are told.
"""

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

from demo.kube import kubectl
from tests.bench import installed
from tests.bench.figures import Figures, cpu_seconds, number, resident_mib

installed.connect()

from millwright.adapters.kubernetes import KubernetesCluster  # noqa: E402
from millwright.api.common import API_VERSION  # noqa: E402
from millwright.api.training_run import TrainingRunSpec  # noqa: E402
from millwright.core.execution import spec_hash  # noqa: E402
from millwright.ports import MODELS, TRAINING_RUNS, Manifest  # noqa: E402

SETTLE_SECONDS = 20  # longer than a TrainingRun waits that lacks something


async def main() -> None:
    """Before, with, and after."""
    runs, models, seconds = number("N", 200), number("MODELS", 10), number("SECONDS", 60)
    namespace = f"bench-idle-{uuid4().hex[:6]}"
    kubectl("create", "namespace", namespace)
    figures = Figures("idle", {"TrainingRuns": runs, "Models": models, "seconds": seconds})
    try:
        pid = installed.operator_pid()
        figures.add("RSS before", resident_mib(pid), "MiB")
        cluster = await KubernetesCluster.connect()
        await _converged(cluster, namespace, runs, models)
        await cluster.close()
        writes = await _rest(figures, pid, seconds)
        figures.add("other TrainingRuns under way", _under_way(namespace))
        figures.write()
    finally:
        _leave_nothing(namespace, models)
    if writes and not _under_way(namespace):
        raise SystemExit(f"{writes:.0f} writes, and nothing to do")


async def _rest(figures: Figures, pid: int, seconds: int) -> float:
    before, used, began = installed.metrics(), cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(seconds)
    used, lasted = cpu_seconds(pid) - used, time.monotonic() - began
    after = installed.metrics()
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    figures.add("P4 RSS at rest", resident_mib(pid), "MiB")
    figures.add("P6 CPU at rest", 100 * used / lasted, "% of a core")
    figures.add("reconciles", grown["millwright_reconciles_total"] * 60 / lasted, "per minute")
    writes = grown["millwright_api_writes_total"]
    figures.add("P2 writes to the Kubernetes API", writes * 60 / lasted, "per minute")
    return writes


async def _converged(cluster: KubernetesCluster, namespace: str, runs: int, models: int) -> None:
    """`suspend` keeps the operator from looking for the pipeline until a status says that the run is over."""
    specs = {
        f"run-{index:05}": {
            "pipeline": {"configMapRef": {"name": "none"}},
            "output": {"model": f"model-{index % models}"},
            "suspend": True,
        }
        for index in range(runs)
    }
    for index in range(models):
        await cluster.create(MODELS, _object("Model", namespace, f"model-{index}") | {"spec": {}})
    for name, spec in specs.items():
        await cluster.create(TRAINING_RUNS, _object("TrainingRun", namespace, name) | {"spec": spec})
    await asyncio.sleep(SETTLE_SECONDS)
    for name, spec in specs.items():
        await cluster.patch_status(TRAINING_RUNS, namespace, name, _succeeded(spec))
    await asyncio.sleep(SETTLE_SECONDS)


def _succeeded(spec: Manifest) -> Manifest:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = {"status": "True", "reason": "Succeeded", "message": "as if it had run", "lastTransitionTime": now}
    return {
        "observedGeneration": 1,
        "state": "Succeeded",
        "specHash": spec_hash(TrainingRunSpec.model_validate(spec)),
        "modelVersion": "1",
        "conditions": [{"type": kind, "observedGeneration": 1, **said} for kind in ("Ready", "Succeeded")],
    }


def _object(kind: str, namespace: str, name: str) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _under_way(namespace: str) -> int:
    """TrainingRuns of others that the operator is busy with."""
    found: list[dict[str, Any]] = json.loads(kubectl("get", "trainingruns.millwright.dev", "-A", "-o", "json"))["items"]
    others = (body for body in found if body["metadata"]["namespace"] != namespace)
    return sum(body.get("status", {}).get("state") not in ("Succeeded", "Failed", "Suspended") for body in others)


def _leave_nothing(namespace: str, models: int) -> None:
    kubectl("delete", "namespace", namespace)  # the Models first: they would make their registered models again
    for index in range(models):
        installed.mlflow("registered-models/delete", {"name": f"{namespace}.model-{index}"}, "DELETE")


if __name__ == "__main__":
    asyncio.run(main())
