"""MLflow by its REST API 2.0: experiments, runs, registered models. No MLflow package is imported.

https://mlflow.org/docs/latest/rest-api.html
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import httpx

from millwright.adapters import mlflow_json
from millwright.core import upstream
from millwright.core.execution import Cause, Package, TrackedRun, original
from millwright.core.records import PIPELINE_DIGEST_TAG, REPLAY_OF_TAG
from millwright.core.registry import RegisteredModel, RegisteredVersion, VersionName
from millwright.ports import DependencyError, Fence, RejectedError

TIMEOUT_SECONDS = 15.0
PAGE = 1000
UNAUTHENTICATED, FORBIDDEN = 401, 403
ABSENT = "RESOURCE_DOES_NOT_EXIST"
EXISTS = "RESOURCE_ALREADY_EXISTS"
EXECUTION_TAG = "millwright.execution"
PACKAGE_TAG = "millwright.package"
OUTCOME_TAG = "millwright.outcome"
MODEL_TAG = "millwright.model"
REMEMBER_SECONDS = 60.0


class MlflowError(RejectedError):
    """MLflow's own error code with its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"MLflow refused: {message} ({code})")
        self.code = code


class MlflowRegistry:
    """Implements ports.Registry."""

    def __init__(
        self,
        tracking_uri: str,
        public_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        fence: Fence = nullcontext,
        login: httpx.Auth | None = None,
    ) -> None:
        """`public_url`: what a browser uses, where it differs from what pods use."""
        self._url = (public_url or tracking_uri).rstrip("/")
        base_url = f"{tracking_uri.rstrip('/')}/api/2.0/mlflow/"
        self._http = httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT_SECONDS, transport=transport, auth=login)
        self._fence = fence
        self._experiments: dict[str, tuple[float, str]] = {}

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def find_run(self, experiment: str, key: str) -> TrackedRun | None:
        experiment_id = await self._experiment(experiment)
        if experiment_id is None:
            return None
        runs = await self._runs(experiment_id, f"tags.`{EXECUTION_TAG}` = '{key}'", most=1)
        return self._tracked(runs[0]) if runs else None

    async def open_executions(self, experiment: str) -> Sequence[str]:
        experiment_id = await self._experiment(experiment)
        if experiment_id is None:
            return ()
        runs = await self._runs(experiment_id, "attributes.status = 'RUNNING'", most=PAGE)
        keys = (mlflow_json.mapping(run["data"].get("tags", [])).get(EXECUTION_TAG) for run in runs)
        return sorted({key for key in keys if key})

    async def _runs(self, experiment_id: str, wanted: str, most: int) -> list[dict[str, Any]]:
        """Runs that match a filter, oldest first."""
        order = ["attributes.start_time ASC"]
        query = {"experiment_ids": [experiment_id], "filter": wanted, "order_by": order, "max_results": most}
        runs: list[dict[str, Any]] = (await self._post("runs/search", query)).get("runs", [])
        return runs

    async def open_run(self, experiment: str, key: str, tags: Mapping[str, str]) -> str:
        experiment_id = self._known(experiment) or await self._made(experiment)
        body = {
            "experiment_id": experiment_id,
            "run_name": key,
            "start_time": _milliseconds(),
            "tags": mlflow_json.pairs({**tags, EXECUTION_TAG: key}),
        }
        return str((await self._post("runs/create", body))["run"]["info"]["run_id"])

    async def metrics(self, run_id: str) -> Mapping[str, float] | None:
        answer = await self._get("runs/get", {"run_id": run_id}) if run_id else None
        return mlflow_json.metrics(answer["run"]) if answer else None

    async def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        await self._post("runs/log-batch", {"run_id": run_id, "tags": mlflow_json.pairs(tags)})

    async def close_run(self, run_id: str, status: str, cause: Cause | None = None) -> None:
        """How it ended goes first: a run that is closed without it could not be told from one its own code closed."""
        if status != "KILLED":
            outcome = {"key": OUTCOME_TAG, "value": mlflow_json.outcome_text(cause)}
            await self._post("runs/set-tag", {"run_id": run_id, **outcome})
        await self._post("runs/update", {"run_id": run_id, "status": status, "end_time": _milliseconds()})

    async def find_model(self, name: str) -> RegisteredModel | None:
        answer = await self._get("registered-models/get", {"name": name})
        if answer is None:
            return None
        return self._registered(answer["registered_model"])

    async def list_models(self) -> Sequence[RegisteredModel]:
        found = await self._all("registered-models", f"tags.`{MODEL_TAG}` LIKE '%'")
        return [self._registered(model) for model in found]

    def _registered(self, found: dict[str, Any]) -> RegisteredModel:
        return RegisteredModel(
            name=found["name"],
            url=f"{self._url}/#/models/{found['name']}",
            description=found.get("description", ""),
            tags=mlflow_json.mapping(found.get("tags", [])),
            aliases={a["alias"]: str(a["version"]) for a in found.get("aliases", [])},
            last_updated=int(found.get("last_updated_timestamp", 0)),
        )

    async def ensure_model(self, name: str, description: str, tags: Mapping[str, str]) -> None:
        body = {"name": name, "description": description, "tags": mlflow_json.pairs(tags)}
        try:
            await self._post("registered-models/create", body)
        except MlflowError as error:
            if error.code != EXISTS:
                raise
            await self._call("PATCH", "registered-models/update", {"name": name, "description": description})
            for tag in mlflow_json.pairs(tags):
                await self._post("registered-models/set-tag", {"name": name, **tag})

    async def version_of(self, name: str, key: str) -> RegisteredVersion | None:
        found = await self._versions(f"name='{name}' and tags.`{EXECUTION_TAG}` = '{key}'")
        return min(map(mlflow_json.version, found), key=lambda version: version.ordinal, default=None)

    async def versions(self, name: str) -> Sequence[RegisteredVersion]:
        return [mlflow_json.version(found) for found in await self._versions(f"name='{name}'")]

    async def versions_of_package(self, package: str) -> Sequence[VersionName]:
        found = await self._versions(f"tags.`{PACKAGE_TAG}` = '{package}'")
        return [VersionName(version["name"], str(version["version"])) for version in found]

    async def _versions(self, wanted: str) -> list[dict[str, Any]]:
        return await self._all("model-versions", wanted)

    async def _all(self, kind: str, wanted: str) -> list[dict[str, Any]]:
        """What matches a filter, page after page."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            query = {"filter": wanted, "max_results": str(PAGE), "page_token": token}
            answer = await self._get(f"{kind}/search", {k: v for k, v in query.items() if v}) or {}
            found += answer.get(kind.replace("-", "_"), [])
            token = answer.get("next_page_token", "")
            if not token:
                return found

    async def register(self, name: str, run_id: str, package: Package, tags: Mapping[str, str]) -> None:
        body: dict[str, Any] = {"name": name, "run_id": run_id, "tags": mlflow_json.pairs(tags), "source": package.uri}
        if package.model_id:
            body |= {"source": f"models:/{package.model_id}", "model_id": package.model_id}
        await self._post("model-versions/create", body)

    async def set_alias(self, name: str, alias: str, version: str) -> None:
        await self._post("registered-models/alias", {"name": name, "alias": alias, "version": version})

    async def delete_alias(self, name: str, alias: str) -> None:
        await self._delete("registered-models/alias", {"name": name, "alias": alias})

    async def delete_version(self, name: str, version: str) -> None:
        await self._delete("model-versions/delete", {"name": name, "version": version})

    async def delete_model(self, name: str) -> None:
        await self._delete("registered-models/delete", {"name": name})

    async def _experiment(self, name: str) -> str | None:
        """ID of the experiment, asked once a minute: each look at a run needs it twice.

        All are forgotten where the server fails or refuses: another database may be behind it when it answers again.
        """
        if known := self._known(name):
            return known
        answer = await self._get("experiments/get-by-name", {"experiment_name": name})
        return self._remember(name, answer["experiment"]["experiment_id"]) if answer else None

    def _known(self, experiment: str) -> str | None:
        asked, known = self._experiments.get(experiment, (float("-inf"), ""))
        return known if time.monotonic() - asked < REMEMBER_SECONDS else None

    def _remember(self, experiment: str, found: Any) -> str:
        self._experiments[experiment] = (time.monotonic(), str(found))
        return str(found)

    async def _made(self, name: str) -> str:
        """ID of the experiment, which is most often a new one."""
        try:
            return self._remember(name, (await self._post("experiments/create", {"name": name}))["experiment_id"])
        except MlflowError as error:
            found = await self._experiment(name) if error.code == EXISTS else None
            if found is None:
                raise
            return found

    def _tracked(self, run: dict[str, Any]) -> TrackedRun:
        info, data = run["info"], run.get("data", {})
        tags = mlflow_json.mapping(data.get("tags", []))
        return TrackedRun(
            id=info["run_id"],
            url=f"{self._url}/#/experiments/{info['experiment_id']}/runs/{info['run_id']}",
            status=info["status"],
            metrics=mlflow_json.metrics(run),
            tasks=mlflow_json.tasks(tags.get("millwright.tasks", "")),
            package=mlflow_json.package(tags.get(PACKAGE_TAG, "")),
            pipeline_digest=tags.get(PIPELINE_DIGEST_TAG),
            upstream=upstream.read(tags),
            replay_of=original(tags.get(REPLAY_OF_TAG, "")),
            **mlflow_json.outcome(tags.get(OUTCOME_TAG, "")),
        )

    async def _get(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        try:
            return await self._call("GET", path, query=query)
        except MlflowError as error:
            if error.code == ABSENT:
                return None
            raise

    async def _delete(self, path: str, body: dict[str, Any]) -> None:
        try:
            await self._call("DELETE", path, body)
        except MlflowError as error:
            if error.code != ABSENT:
                raise

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._call("POST", path, body)

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            async with self._fence():
                response = await self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            self._experiments.clear()
            raise DependencyError("mlflow", f"{method} {path}: {error or type(error).__name__}") from error
        if response.status_code >= 400 and method != "GET":
            self._experiments.clear()
        if response.status_code in (UNAUTHENTICATED, FORBIDDEN):
            # Credentials are the platform's: they are put right without a change of any resource.
            why = f"({response.status_code}, {response.text[:200]}); correct the operator's Secret, mlflow.secretName"
            raise DependencyError("mlflow", f"the server refuses the operator's credentials {why}")
        if response.status_code >= 500 or response.status_code in (408, 429):
            raise DependencyError("mlflow", f"{method} {path}: {response.status_code} {response.text[:300]}")
        if response.status_code >= 400:
            raise _refusal(response)
        answer: dict[str, Any] = response.json()
        return answer


def _refusal(response: httpx.Response) -> MlflowError:
    try:
        answer = response.json()
        return MlflowError(str(answer.get("error_code", response.status_code)), str(answer.get("message", "")))
    except ValueError:
        return MlflowError(str(response.status_code), response.text[:300])


def _milliseconds() -> int:
    return int(time.time() * 1000)
