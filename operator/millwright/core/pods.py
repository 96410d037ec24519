"""Pods that run users' code: restricted, without an API token. Shared by Jobs and servers."""

from collections.abc import Iterable
from typing import Any

Manifest = dict[str, Any]
USER = 65532
NODE_POOL_LABEL = "millwright.dev/node-pool"
CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}


def labels(component: str, instance: str) -> dict[str, str]:
    """The recommended labels that every child carries."""
    return {
        "app.kubernetes.io/managed-by": "millwright",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": instance,
    }


def restricted(container: Manifest, service_account: str | None, volumes: Iterable[str]) -> Manifest:
    """A pod spec that the `restricted` Pod Security Standard admits, with empty writable volumes."""
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": volume, "emptyDir": {}} for volume in volumes],
    }
    return pod | ({"serviceAccountName": service_account} if service_account else {})
