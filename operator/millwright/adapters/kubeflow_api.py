"""The Kubeflow Pipelines REST API v2beta1, as far as we use it. No SDK is imported.

https://www.kubeflow.org/docs/components/pipelines/reference/api/kubeflow-pipeline-api-spec/
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from millwright.adapters.recent import Recent
from millwright.ports import DependencyError, Fence, RejectedError

Json = dict[str, Any]
TIMEOUT_SECONDS = 20.0
SERVER_SECONDS = 300.0
PAGE = 200
KNOWN_MAJORS = ("2", "3")
UNDER_WAY = ("RUNTIME_STATE_UNSPECIFIED", "PENDING", "RUNNING", "CANCELING", "PAUSED")
TRY_AGAIN = (408, 429)
UNREADABLE = re.compile(r"unknown template format|spec is invalid|unknown field|[Ii]nvalid input error")
WORKFLOW_NOT_FOUND = re.compile(r'workflows\.argoproj\.io "[^"]+" not found')
UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409


class Absent(RejectedError):
    """What was asked for is not there."""


class Conflict(RejectedError):
    """Something of that name is there already."""


class WorkflowLost(RejectedError):
    """The run's Workflow was deleted behind the server's back: the server waits for its end for ever."""


@dataclass(frozen=True)
class Credentials:
    """Who we are to the server: a token from a file that is renewed (projected), or a header that a proxy would set."""

    token_file: str | None = None
    headers: Mapping[str, str] | None = None

    def current(self) -> dict[str, str]:
        """Request headers. Raises DependencyError where the token cannot be read."""
        headers = dict(self.headers or {})
        if self.token_file:
            try:
                headers["Authorization"] = f"Bearer {Path(self.token_file).read_text().strip()}"
            except OSError as error:
                raise DependencyError("kubeflow", f"the token cannot be read: {error}") from error
        return headers


@dataclass(frozen=True)
class Server:
    """What the server says of itself. `version` is empty where it does not tell."""

    version: str
    multi_user: bool


class KubeflowApi:
    """One method a call. Raises DependencyError where trying again may help, and RejectedError where it cannot."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        transport: httpx.AsyncBaseTransport | None = None,
        fence: Fence = nullcontext,
    ) -> None:
        self._credentials = credentials
        self._fence = fence
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=TIMEOUT_SECONDS, transport=transport)
        self._server = Recent(SERVER_SECONDS, self._ask)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def server(self) -> Server:
        """Asked now and then. Raises RejectedError for a major version that we do not know."""
        return await self._server.of(None)

    async def _ask(self, _: None) -> Server:
        answer = await self._call("GET", "/apis/v2beta1/healthz")
        found = Server(await self._version(), bool(answer.get("multi_user")))
        _check(found.version)
        return found

    async def _version(self) -> str:
        """Only the old health check tells the release; servers to come may not have it."""
        try:
            answer = await self._call("GET", "/apis/v1beta1/healthz")
        except RejectedError:
            return ""
        return str(answer.get("tag_name") or "")

    async def experiment(self, namespace: str, name: str) -> Json | None:
        """The experiment of that name, or None. There is one at most."""
        query = {"namespace": namespace, "filter": _filter(_is("name", name)), "page_size": "10"}
        found = (await self._call("GET", "/apis/v2beta1/experiments", query)).get("experiments", [])
        return next((e for e in found if e["display_name"] == name), None)

    async def create_experiment(self, namespace: str, name: str, description: str) -> str | None:
        """Makes an experiment and returns its ID; None where there is one of that name, which is left as it is."""
        body = {"display_name": name, "namespace": namespace, "description": description}
        try:
            return str((await self._call("POST", "/apis/v2beta1/experiments", body=body))["experiment_id"])
        except Conflict:
            return None

    async def delete_experiment(self, experiment_id: str) -> None:
        """Its runs must be gone; absent is fine."""
        await self._unless_absent("DELETE", f"/apis/v2beta1/experiments/{experiment_id}")

    async def runs_named(self, namespace: str, name: str) -> list[Json]:
        """Runs of that name, archived ones too, oldest first."""
        return await self._runs({"namespace": namespace, "filter": _filter(_is("display_name", name))})

    async def active_runs(self, namespace: str) -> list[Json]:
        """Runs of a namespace that have not ended, oldest first."""
        wanted = {"key": "state", "operation": "IN", "string_values": {"values": list(UNDER_WAY)}}
        return await self._runs({"namespace": namespace, "filter": _filter(wanted)})

    async def runs_of(self, namespace: str, experiment_id: str) -> list[Json]:
        """All runs of an experiment, oldest first."""
        return await self._runs({"namespace": namespace, "experiment_id": experiment_id})

    async def _runs(self, query: Mapping[str, str]) -> list[Json]:
        found: list[Json] = []
        token = ""
        while True:
            page = {**query, "page_size": str(PAGE), "page_token": token, "sort_by": "created_at asc"}
            answer = await self._call("GET", "/apis/v2beta1/runs", {k: v for k, v in page.items() if v})
            found += answer.get("runs", [])
            token = answer.get("next_page_token", "")
            if not token:
                return found

    async def create_run(self, body: Json) -> Json:
        """Starts a run. Raises RejectedError for a pipeline that the server cannot read: newer than it, or wrong."""
        try:
            return await self._call("POST", "/apis/v2beta1/runs", body=body)
        except DependencyError as error:
            if UNREADABLE.search(str(error)):  # the server answers 500, as if it were its own fault
                raise RejectedError(f"the Kubeflow server cannot read the pipeline: {error}") from error
            raise

    async def terminate(self, run_id: str) -> None:
        """Tells a run to end; one that is absent or has ended is fine. Raises WorkflowLost where nothing is to end."""
        try:
            await self._call("POST", f"/apis/v2beta1/runs/{run_id}:terminate")
        except DependencyError as error:
            # The server answers 500, and calls the run CANCELING for ever.
            if WORKFLOW_NOT_FOUND.search(str(error)):
                raise WorkflowLost(str(error)) from error
            raise
        except RejectedError:
            return  # it has ended: the server finds no row to change

    async def archive(self, run_id: str) -> None:
        """Takes a run out of sight; absent is fine."""
        await self._unless_absent("POST", f"/apis/v2beta1/runs/{run_id}:archive")

    async def delete_run(self, run_id: str) -> None:
        """Deletes a run and its Workflow; absent is fine."""
        await self._unless_absent("DELETE", f"/apis/v2beta1/runs/{run_id}")

    async def pipeline_spec(self, namespace: str, name: str, version: str | None) -> Json:
        """The specification of an uploaded pipeline's version by its name; None: the newest. Raises Absent."""
        query = {"namespace": namespace} if namespace else {}
        pipeline = await self._call("GET", f"/apis/v2beta1/pipelines/names/{name}", query)
        path = f"/apis/v2beta1/pipelines/{pipeline['pipeline_id']}/versions"
        newest = {"sort_by": "created_at desc", "page_size": "1"}
        wanted = {"filter": _filter(_is("name", version))} if version else {}
        found = (await self._call("GET", path, newest | wanted)).get("pipeline_versions", [])
        if not found:
            raise Absent(f"pipeline {name} has no version {version or ''}".rstrip())
        spec: Json = found[0]["pipeline_spec"]
        return spec

    async def _unless_absent(self, method: str, path: str) -> None:
        try:
            await self._call(method, path)
        except Absent:
            return

    async def _call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Json:
        headers = self._credentials.current()
        try:
            async with self._fence():
                response = await self._http.request(method, path, params=query, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise DependencyError("kubeflow", f"{method} {path}: {error or type(error).__name__}") from error
        if response.status_code >= 400:
            raise _error(response, f"{method} {path}")
        answer: Json = response.json() if response.content else {}
        return answer


def _is(key: str, value: str) -> Json:
    return {"key": key, "operation": "EQUALS", "string_value": value}


def _filter(*predicates: Json) -> str:
    return json.dumps({"predicates": list(predicates)})


def _check(version: str) -> None:
    numbered = re.match(r"v?(\d+)\.", version)
    if numbered and numbered[1] not in KNOWN_MAJORS:
        raise RejectedError(
            f"the Kubeflow Pipelines server says it is version {version}; "
            f"this operator speaks with major versions {_listed(KNOWN_MAJORS)}: upgrade the older of the two"
        )


def _listed(words: Iterable[str]) -> str:
    return " and ".join(words)


REFUSALS: dict[int, type[RejectedError]] = {NOT_FOUND: Absent, CONFLICT: Conflict}


def _error(response: httpx.Response, call: str) -> Exception:
    text = _message(response)
    if response.status_code in (UNAUTHENTICATED, FORBIDDEN):
        # Credentials are the platform's: they are put right without a change of any TrainingRun.
        return DependencyError("kubeflow", f"the server refuses our credentials ({response.status_code}): {text}")
    if response.status_code in REFUSALS:
        return REFUSALS[response.status_code](f"Kubeflow Pipelines: {text}")
    if response.status_code >= 500 or response.status_code in TRY_AGAIN:
        return DependencyError("kubeflow", f"{call}: {response.status_code} {text}")
    return RejectedError(f"Kubeflow Pipelines refused {call}: {text}")


def _message(response: httpx.Response) -> str:
    try:
        answer = response.json()
        return str(answer.get("message") or answer.get("error") or answer)[:1000]
    except (ValueError, AttributeError):
        return response.text[:300]
