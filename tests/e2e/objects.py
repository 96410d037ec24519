"""Our objects over one connection: tests look twice a second, and each kubectl would cost a tenth of a CPU second."""

from functools import cache
from http import HTTPStatus
from typing import Any

from kubernetes import client, config
from tests.cluster import kubeconfig_path

# As kubectl knows them, too.
PLURALS = {
    "trainingrun": "trainingruns",
    "model": "models",
    "mmodel": "models",
    "modeldeployment": "modeldeployments",
    "mdep": "modeldeployments",
}


@cache
def _api() -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig_path())))  # type: ignore[no-untyped-call]


def status(kind: str, name: str, namespace: str) -> dict[str, Any]:
    """Of an object; empty where there is none, and of an object that is not there."""
    try:
        found: Any = _api().get_namespaced_custom_object(
            "millwright.dev", "v1alpha1", namespace, PLURALS[kind], name, _request_timeout=30
        )
    except client.ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return {}
    return dict(found.get("status", {}))
