"""One request to the Kubernetes API by the official async client, and what its errors mean."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config

from millwright.ports import AbsentError, ConflictError, DependencyError, Manifest, RejectedError

TIMEOUT_SECONDS = 30.0
NOT_FOUND, CONFLICT = 404, 409
TRY_AGAIN = {0, 429, 500, 502, 503, 504}
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class AlreadyExists(RejectedError):
    """The object that was to be created is there."""


class ServerError(DependencyError):
    """The API server answered that it failed, or that what it asked did."""


def configuration() -> client.Configuration:
    """The client's, with the credentials that were loaded.

    Without proxies and passwords of the environment, as in kopf: to look for them costs two threads for each request.
    """
    found = client.Configuration.get_default_copy()
    found.client_session_kwargs = {"trust_env": False}
    return found


async def connect() -> client.ApiClient:
    """A client by the pod's service account, or else by the kubeconfig."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config()  # type: ignore[no-untyped-call]
    return client.ApiClient(configuration())


async def send(
    api: client.ApiClient,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    body: Manifest | None = None,
    content_type: str = JSON,
) -> bytes:
    """The answer's content. Raises DependencyError where trying again may help, else RejectedError."""
    headers = {"Content-Type": content_type, "Accept": f"{JSON}, */*"}
    await api.update_params_for_auth(headers, [], ["BearerToken"], "", "", "")
    url = f"{api.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
    try:
        response = await api.call_api(method, url, headers, body, _request_timeout=TIMEOUT_SECONDS)
        raw: bytes = await response.read()  # type: ignore[no-untyped-call]
    except client.ApiException as error:
        raise DependencyError("kubernetes", str(error)) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise DependencyError("kubernetes", f"{method} {path}: {error or type(error).__name__}") from error
    if response.status >= 400:
        raise _error(response.status, f"{method} {path}", raw)
    return raw


def _error(status: int, call: str, raw: bytes) -> Exception:
    answer = _status(raw)
    message = str(answer.get("message", ""))
    if answer.get("reason") == "AlreadyExists":
        return AlreadyExists(message)
    if status == CONFLICT:
        return ConflictError("kubernetes", f"{call}: {message}")
    if status in TRY_AGAIN:
        kind = ServerError if status >= 500 else DependencyError
        return kind("kubernetes", f"{call}: {status} {message}")
    return (AbsentError if status == NOT_FOUND else RejectedError)(f"Kubernetes refused {call}: {message}")


def _status(raw: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(raw)
        return found
    except ValueError:
        return {"message": raw[:300].decode(errors="replace")}
