"""Thousands of converged resources: TrainingRuns that have succeeded, Models, and Deployments that serve them."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx
from tests.bench.control_plane import ControlPlane
from tests.bench.workers import each

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.api.common import API_VERSION
from millwright.api.training_run import TrainingRunSpec
from millwright.core.children import DEPLOYMENT_LABEL
from millwright.core.execution import spec_hash
from millwright.ports import APPS, DEPLOYMENTS, MODELS, TRAINING_RUNS, Manifest, Resource

NAMESPACES = 10
POLL_SECONDS = 2.0
PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class Size:
    """Of ten resources eight are TrainingRuns, one is a Model and one its Deployment."""

    total: int

    @property
    def of(self) -> dict[str, int]:
        """How many of each kind."""
        tenth = self.total // 10
        return {"TrainingRun": self.total - 2 * tenth, "Model": tenth, "Deployment": tenth}


class Fleet:
    """Grows from size to size while no operator runs, and plays kubelet for the pods of Deployments."""

    def __init__(self, plane: ControlPlane, cluster: KubernetesCluster, mlflow_url: str) -> None:
        self._cluster = cluster
        self._mlflow = httpx.AsyncClient(base_url=f"{mlflow_url}/api/2.0/mlflow/", timeout=60.0)
        self._size = Size(0)
        for index in range(NAMESPACES):
            plane.kubectl("create", "namespace", _namespace(index))

    async def close(self) -> None:
        """Closes all connections."""
        await self._mlflow.aclose()
        await self._cluster.close()

    async def grow(self, size: Size) -> None:
        """TrainingRuns as if they had run; Models and what MLflow has for them; Deployments, not served yet."""
        makers = {"Model": self._model, "Deployment": self._deployment, "TrainingRun": self._training_run}
        old, self._size = self._size, size
        for kind, make in makers.items():
            await each(range(old.of[kind], size.of[kind]), make)

    async def served(self) -> None:
        """Until all Models and Deployments are ready: version sets get pods that answer, as far as anybody can see."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._all_ready():
            assert time.monotonic() < deadline, f"not all Models and Deployments are ready in {PATIENCE_SECONDS:.0f} s"
            await self._start_pods()
            await asyncio.sleep(POLL_SECONDS)

    async def _all_ready(self) -> bool:
        found = [body for kind in (MODELS, DEPLOYMENTS) for body in await self._cluster.list(kind, None)]
        return all(_is_ready(body) for body in found)

    async def _start_pods(self) -> None:
        sets = await self._cluster.list(APPS, None, DEPLOYMENT_LABEL)
        new = [body for body in sets if "observedGeneration" not in body.get("status", {})]
        await each(new, self._start_pods_of)

    async def _start_pods_of(self, body: Manifest) -> None:
        count = body["spec"]["replicas"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
        status = {"observedGeneration": body["metadata"]["generation"]} | counts
        metadata, patch = body["metadata"], {"status": status}
        await self._cluster.patch_status(APPS, metadata["namespace"], metadata["name"], patch)

    async def _model(self, index: int) -> None:
        body = _object(MODELS, "Model", index, {})
        name = f"{body['metadata']['namespace']}.{body['metadata']['name']}"
        await self._tell_mlflow("registered-models/create", name=name, tags=_tags(_owner(body)))
        version = {"execution": "k", "package": "s3://models/x", "digest": f"sha256:{index:064x}", "gates": "Passed"}
        await self._tell_mlflow("model-versions/create", name=name, source="s3://models/x", tags=_tags(version))
        await self._tell_mlflow("registered-models/alias", name=name, alias="champion", version="1")
        await self._cluster.create(MODELS, body)

    async def _deployment(self, index: int) -> None:
        spec = {"model": {"name": _name("model", index)}}
        await self._cluster.create(DEPLOYMENTS, _object(DEPLOYMENTS, "Deployment", index, spec))

    async def _training_run(self, index: int) -> None:
        spec = {"pipeline": {"configMapRef": {"name": "pipe"}}, "output": {"model": self._model_of(index)}}
        body = _object(TRAINING_RUNS, "TrainingRun", index, spec)
        await self._cluster.create(TRAINING_RUNS, body)
        metadata = body["metadata"]
        patch = {"status": _succeeded(spec)}
        await self._cluster.patch_status(TRAINING_RUNS, metadata["namespace"], metadata["name"], patch)

    def _model_of(self, index: int) -> str:
        """One in the same namespace."""
        in_namespace = self._size.of["Model"] // NAMESPACES
        return _name("model", index % NAMESPACES + NAMESPACES * (index // NAMESPACES % in_namespace))

    async def _tell_mlflow(self, path: str, **body: Any) -> None:
        (await self._mlflow.post(path, json=body)).raise_for_status()


def _is_ready(body: Manifest) -> bool:
    conditions = body.get("status", {}).get("conditions", [])
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)


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


def _owner(body: Manifest) -> dict[str, str]:
    return {"namespace": body["metadata"]["namespace"], "model": body["metadata"]["name"]}


def _tags(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": f"millwright.{name}", "value": value} for name, value in values.items()]


def _object(resource: Resource, kind: str, index: int, spec: Manifest) -> Manifest:
    assert resource.api_version == API_VERSION
    metadata = {"name": _name(kind.lower(), index), "namespace": _namespace(index % NAMESPACES)}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _namespace(index: int) -> str:
    return f"team-{index:02}"


def _name(what: str, index: int) -> str:
    return f"{what}-{index:05}"
