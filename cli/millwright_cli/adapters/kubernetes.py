"""The Kubernetes API by the official client: its kubeconfig and credentials, our requests."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client, config

from millwright_cli.core.errors import Conflict, Failure, NotFound, NotStarted, Unavailable
from millwright_cli.core.kinds import Kind, Manifest

FIELD_MANAGER = "kubectl-millwright"
TIMEOUT_SECONDS = 30.0
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
BAD_REQUEST, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CONFLICT, SERVER_ERROR = 400, 401, 403, 404, 409, 500
TOO_MANY = 429
# Fields that the cluster's CRD does not know are refused, instead of being dropped without a word.
WRITE = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
RIGHTS = "docs/kubectl-plugin.md lists the rights that each command needs"


class KubernetesCluster:
    """Implements ports.Cluster. Nothing is read before the first request."""

    def __init__(self, context: str | None = None) -> None:
        """`context`: one of the kubeconfig's; its current one, when left out."""
        self._context = context

    @cached_property
    def namespace(self) -> str:
        contexts, active = self._kubeconfig
        wanted = self._context or active["name"]
        chosen = next((found for found in contexts if found["name"] == wanted), None)
        if chosen is None:
            names = ", ".join(str(found["name"]) for found in contexts)
            raise Failure(f"the kubeconfig has no context {wanted!r}; it has {names}")
        return str(chosen["context"].get("namespace") or "default")

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        try:
            return self._json("GET", _path(kind, namespace, name))
        except NotFound:
            raise NotFound(
                f"there is no {kind.kind} {name} in namespace {namespace}: "
                f"kubectl get {kind.plural} -n {namespace} lists them; -n names another namespace"
            ) from None

    def list(self, kind: Kind, namespace: str, selector: str = "") -> Sequence[Manifest]:
        try:
            found = self._json("GET", _path(kind, namespace), {"labelSelector": selector} if selector else {})
        except NotFound:
            raise Failure(
                f"the cluster does not know {kind.api_version} {kind.plural}: is Millwright installed in it? "
                "kubectl config current-context tells which cluster this is"
            ) from None
        # Items of a list do not say what they are.
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **body} for body in found["items"]]

    def patch(self, kind: Kind, namespace: str, name: str, patch: Manifest) -> None:
        self._json("PATCH", _path(kind, namespace, name), WRITE, patch, MERGE_PATCH)

    def create(self, kind: Kind, namespace: str, manifest: Manifest) -> str:
        made = self._json("POST", _path(kind, namespace), WRITE, manifest)
        return str(made["metadata"]["name"])

    def log(self, namespace: str, pod: str, container: str, follow: bool) -> Iterator[str]:
        query = {"container": container} | ({"follow": "true"} if follow else {})
        path = f"/api/v1/namespaces/{namespace}/pods/{quote(pod)}/log"
        try:
            response = self._send("GET", path, query, seconds=None if follow else TIMEOUT_SECONDS)
            for line in response.response:
                yield line.decode(errors="replace").rstrip("\r\n")
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the log of pod {pod} ended early ({error}): try again") from error

    def _json(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
    ) -> Manifest:
        response = self._send(method, path, query or {}, body, content_type)
        answer: Manifest = json.loads(response.read())
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Manifest | None = None,
        content_type: str = JSON,
        seconds: float | None = TIMEOUT_SECONDS,
    ) -> Any:
        api = self._api
        headers = {"Content-Type": content_type, "Accept": f"{JSON}, */*"}
        try:
            api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            url = f"{api.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
            response: Any = api.call_api(method, url, headers, body, _request_timeout=seconds)
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            raise Unavailable(
                f"the Kubernetes API at {api.configuration.host} does not answer ({_root(error)}): check that "
                "kubectl get --raw /readyz works, and try again"
            ) from error
        if response.status >= BAD_REQUEST:
            raise _failure(response.status, response.read())
        return response

    @cached_property
    def _api(self) -> client.ApiClient:
        configuration = client.Configuration()
        configuration.retries = False  # a person sees at once what is wrong
        try:
            config.load_kube_config(context=self._context, client_configuration=configuration)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise _no_kubeconfig(error) from error
        return client.ApiClient(configuration)

    @cached_property
    def _kubeconfig(self) -> tuple[Sequence[Manifest], Manifest]:
        try:
            contexts, active = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise _no_kubeconfig(error) from error
        return contexts, active


def _path(kind: Kind, namespace: str, name: str = "") -> str:
    root = "/apis" if "/" in kind.api_version else "/api"
    return f"{root}/{kind.api_version}/namespaces/{quote(namespace)}/{kind.plural}" + (
        f"/{quote(name)}" if name else ""
    )


def _failure(status: int, raw: bytes) -> Failure:
    message = _message(raw) or f"HTTP {status}"
    if status == NOT_FOUND:
        return NotFound(message)
    if status == CONFLICT:
        return Conflict(message)
    if status == BAD_REQUEST and "waiting to start" in message:
        return NotStarted(message)
    if status == UNAUTHENTICATED:
        return Failure(f"the Kubernetes API does not know who you are ({message}): log in to the cluster again")
    if status == FORBIDDEN:
        return Failure(f"{message}; {RIGHTS}")
    if status >= SERVER_ERROR or status == TOO_MANY:
        return Unavailable(f"the Kubernetes API cannot answer now ({message}): try again")
    if "unknown field" in message:
        return Failure(f"{message}: the cluster's Millwright is older than this plugin; upgrade its CRDs and operator")
    return Failure(f"the Kubernetes API refuses this: {message}")


def _message(raw: bytes) -> str:
    try:
        answer = json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace").strip()[:300]
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""


def _no_kubeconfig(error: Exception) -> Failure:
    return Failure(f"no cluster is named ({error}): set KUBECONFIG, or name one of its contexts with --context")


def _root(error: Exception) -> str:
    """What went wrong at last, without the client's own layers."""
    reason = getattr(error, "reason", None) or error
    return str(reason) or type(error).__name__
