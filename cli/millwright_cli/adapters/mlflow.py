"""What MLflow knows of a version, by its REST API 2.0: https://mlflow.org/docs/latest/rest-api.html"""

import os
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import httpx

from millwright_cli.core.errors import Failure, NotFound, Unavailable
from millwright_cli.core.version_facts import Registered

CONNECT_SECONDS, READ_SECONDS = 3.0, 15.0
UNAUTHENTICATED, FORBIDDEN, BAD_REQUEST = 401, 403, 400
ABSENT = "RESOURCE_DOES_NOT_EXIST"
USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105


class Bearer(httpx.Auth):
    """A token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class MlflowRegistry:
    """Implements ports.Registry, with the login of MLflow's own client: its variables in the environment."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport = transport

    def version(self, model: str, version: str) -> Registered:
        found = self._get("model-versions/get", {"name": model, "version": version})["model_version"]
        tags, run_id = _mapping(found.get("tags", [])), found.get("run_id")
        try:
            data = self._get("runs/get", {"run_id": run_id})["run"]["data"] if run_id else {}
        except NotFound:
            data = {}
        measured = {metric["key"]: float(metric["value"]) for metric in data.get("metrics", [])}
        return Registered(tags, _mapping(data.get("params", [])), measured, _mapping(data.get("tags", [])))

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        try:
            with self._client() as http:
                response = http.get(path, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"MLflow at {self._url} does not answer ({error or type(error).__name__})") from error
        if response.status_code in (UNAUTHENTICATED, FORBIDDEN):
            raise Failure(
                f"MLflow at {self._url} refuses you ({response.status_code} {response.text[:200]}): set {USERNAME} and "
                f"{PASSWORD}, or {TOKEN}"
            )
        return self._answer(response)

    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        base_url = f"{self._url}/api/2.0/mlflow/"
        return httpx.Client(base_url=base_url, timeout=timeout, auth=_login(os.environ), transport=self._transport)

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            what = f"{response.status_code} {response.text[:100]!r}"
            raise Unavailable(f"what answers at {self._url} is no MLflow ({what})")
        if answer.get("error_code") == ABSENT:
            raise NotFound(f"MLflow at {self._url}: {answer.get('message', '')}")
        if response.status_code >= BAD_REQUEST:
            raise Unavailable(f"MLflow at {self._url} fails: {response.status_code} {answer.get('message', '')}")
        return answer


def _mapping(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {pair["key"]: str(pair.get("value", "")) for pair in pairs}


def _login(environment: Mapping[str, str]) -> httpx.Auth | None:
    """As MLflow's client: a password goes before a token."""
    username, password, token = (environment.get(name, "") for name in (USERNAME, PASSWORD, TOKEN))
    if username and password:
        return httpx.BasicAuth(username, password)
    return Bearer(token) if token else None
