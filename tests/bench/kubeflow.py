"""Kubeflow Pipelines as a script speaks with it: the REST calls that `kfp.Client` makes."""

import asyncio
import json
from typing import Any

import httpx

UNDER_WAY = ["RUNTIME_STATE_UNSPECIFIED", "PENDING", "RUNNING", "CANCELING", "PAUSED"]
PAGE = "200"
SERVER_ERROR = 500
PAUSES = (1.0, 2.0, 4.0, 8.0)


class Script:
    """Of one namespace and one experiment."""

    def __init__(self, url: str, token: str, namespace: str, experiment: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=f"{url}/apis/v2beta1", headers=headers, timeout=60.0)
        self._namespace = namespace
        self._experiment = experiment

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def submit(self, name: str, pipeline: dict[str, Any], parameters: dict[str, Any]) -> None:
        """As `create_run_from_pipeline_package` does: the experiment by its name, and the run."""
        body = {"display_name": name, "pipeline_spec": pipeline, "runtime_config": {"parameters": parameters}}
        await self._call("POST", "/runs", body=body | {"experiment_id": await self.experiment()})

    async def experiment(self) -> str:
        """Its ID; made where it is missing."""
        query = {"namespace": self._namespace, "filter": _filter("name", "EQUALS", string_value=self._experiment)}
        found = (await self._call("GET", "/experiments", query)).get("experiments")
        body = {"display_name": self._experiment, "namespace": self._namespace}
        return str((found[0] if found else await self._call("POST", "/experiments", body=body))["experiment_id"])

    async def under_way(self) -> set[str]:
        """Names of all runs of the namespace that have not ended."""
        wanted = _filter("state", "IN", string_values={"values": UNDER_WAY})
        query = {"namespace": self._namespace, "page_size": PAGE, "filter": wanted}
        return {run["display_name"] for run in await self._runs(query)}

    async def leave_no_runs(self) -> None:
        """Deletes the experiment's runs."""
        experiment = await self.experiment()
        for run in await self._runs({"namespace": self._namespace, "experiment_id": experiment, "page_size": PAGE}):
            await self._call("DELETE", f"/runs/{run['run_id']}")

    async def leave_nothing(self) -> None:
        """Deletes the experiment and its runs."""
        await self.leave_no_runs()
        await self._call("DELETE", f"/experiments/{await self.experiment()}")

    async def _runs(self, query: dict[str, str]) -> list[dict[str, Any]]:
        answer = await self._call("GET", "/runs", query)
        found: list[dict[str, Any]] = answer.get("runs", [])
        while token := answer.get("next_page_token"):
            answer = await self._call("GET", "/runs", query | {"page_token": token})
            found += answer.get("runs", [])
        return found

    async def _call(
        self, method: str, path: str, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Asks again where the server is too busy to answer, as a patient script does."""
        for pause in (*PAUSES, None):
            answer = await self._http.request(method, path, params=query, json=body)
            if answer.status_code < SERVER_ERROR or pause is None:
                break
            await asyncio.sleep(pause)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}


def _filter(key: str, operation: str, **value: Any) -> str:
    return json.dumps({"predicates": [{"key": key, "operation": operation, **value}]})
