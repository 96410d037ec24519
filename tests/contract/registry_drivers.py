"""Training code, as it drives the fake registry and MLflow's own server."""

import dataclasses
import json

import httpx
from tests.fakes.registry import FakeRegistry

from millwright.adapters.mlflow import MlflowRegistry
from millwright.core.execution import Package, Task

TASKS = (Task("train", "Running"), Task("evaluate", "Pending"))
PACKAGE = Package("s3://models/flights/arr-delay/k-1", "sha256:" + "a" * 64, "onnx", "m-1", "sha256:" + "b" * 64)


class FakeDriver:
    """Training code, as the fake plays it."""

    def __init__(self) -> None:
        self.registry = FakeRegistry()

    async def log(self, key: str, run_id: str) -> None:
        self.registry.update_run(key, metrics={"roc_auc": 0.75}, tasks=TASKS, package=PACKAGE)

    async def tags(self, run_id: str) -> dict[str, str]:
        return dict(self.registry.tags[run_id])

    async def close(self) -> None:
        """Nothing to close."""


class MlflowDriver:
    """Training code, by MLflow's REST API."""

    def __init__(self, url: str) -> None:
        self.registry = MlflowRegistry(url)
        self._http = httpx.AsyncClient(base_url=f"{url}/api/2.0/mlflow/runs/")

    async def log(self, key: str, run_id: str) -> None:
        renamed = {"modelId": PACKAGE.model_id, "sourceDigest": PACKAGE.source_digest, "schemaVersion": 1}
        manifest = dataclasses.asdict(PACKAGE) | renamed
        tasks = [dataclasses.asdict(task) | {"startTime": "2026-01-01T00:00:00Z"} for task in TASKS]
        await self._post("log-metric", run_id=run_id, key="roc_auc", value=0.75, timestamp=1)
        await self._post("set-tag", run_id=run_id, key="millwright.tasks", value=json.dumps(tasks))
        await self._post("set-tag", run_id=run_id, key="millwright.package", value=json.dumps(manifest))

    async def tags(self, run_id: str) -> dict[str, str]:
        answer = (await self._http.get("get", params={"run_id": run_id})).raise_for_status()
        return {tag["key"]: tag["value"] for tag in answer.json()["run"]["data"]["tags"]}

    async def close(self) -> None:
        await self._http.aclose()
        await self.registry.close()

    async def _post(self, path: str, **body: object) -> None:
        (await self._http.post(path, json=body)).raise_for_status()


Driver = FakeDriver | MlflowDriver
