"""MLflow past the proxy: for what runs in the played pods, and for the inspection. None of the operator's code."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

PAGE = 1000
KEPT_SECONDS = 2  # its server closes idle connections after five


@asynccontextmanager
async def tracking(url: str) -> AsyncIterator["Tracking"]:
    """By the server's URL."""
    connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_SECONDS)
    async with aiohttp.ClientSession(f"{url}/api/2.0/mlflow/", connector=connector) as session:
        yield Tracking(session)


class Tracking:
    """Calls of the REST API 2.0."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, method: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """One call; a GET's body is its query. Raises RuntimeError with what MLflow says where it refuses."""
        sent: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        async with self._session.request(method, what, **sent) as response:
            answer: dict[str, Any] = await response.json()
            if response.status >= 400:
                raise RuntimeError(f"MLflow: {method} {what}: {answer}")
            return answer

    async def run(self, run_id: str) -> dict[str, Any]:
        """A run."""
        run: dict[str, Any] = (await self.call("GET", "runs/get", {"run_id": run_id}))["run"]
        return run

    async def log(self, run_id: str, metrics: dict[str, float], tags: dict[str, str]) -> None:
        """Metrics and tags of a run."""
        now = int(time.time() * 1000)
        values = [{"key": key, "value": value, "timestamp": now, "step": 0} for key, value in metrics.items()]
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        await self.call("POST", "runs/log-batch", {"run_id": run_id, "metrics": values, "tags": pairs})

    async def runs(self, prefix: str) -> list[dict[str, Any]]:
        """All runs of the experiments whose name begins so."""
        found = await self.call("POST", "experiments/search", {"filter": f"name LIKE '{prefix}%'", "max_results": PAGE})
        ids = [experiment["experiment_id"] for experiment in found.get("experiments", [])]
        if not ids:
            return []
        answer = await self.call("POST", "runs/search", {"experiment_ids": ids, "max_results": PAGE})
        return list(answer.get("runs", []))

    async def versions(self, prefix: str) -> list[dict[str, Any]]:
        """All versions of the registered models whose name begins so."""
        query = {"filter": f"name LIKE '{prefix}%'", "max_results": str(PAGE)}
        answer = await self.call("GET", "model-versions/search", query)
        return list(answer.get("model_versions", []))

    async def aliases(self, prefix: str) -> dict[str, dict[str, str]]:
        """Of the registered models whose name begins so, by the rest of the name."""
        query = {"filter": f"name LIKE '{prefix}%'", "max_results": str(PAGE)}
        found = await self.call("GET", "registered-models/search", query)
        return {
            model["name"].removeprefix(prefix): {it["alias"]: str(it["version"]) for it in model.get("aliases", [])}
            for model in found.get("registered_models", [])
        }


def pairs(run: dict[str, Any], kind: str) -> dict[str, str]:
    """Tags or parameters of a run as a mapping."""
    return {pair["key"]: pair["value"] for pair in run["data"].get(kind, [])}
