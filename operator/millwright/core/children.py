"""What every object that a Deployment owns carries: labels, its owner, and a hash of what it was made from."""

from typing import Any

from millwright.api.common import API_VERSION, GROUP
from millwright.core import pods
from millwright.core.execution import ObjectKey, short_hash

Manifest = dict[str, Any]
APPLIED = f"{GROUP}/applied"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"


def labels(key: ObjectKey) -> dict[str, str]:
    """Labels of all children of a Deployment."""
    return pods.labels("server", key.name) | {DEPLOYMENT_LABEL: key.name}


def metadata(key: ObjectKey, uid: str, name: str, child_labels: dict[str, str]) -> Manifest:
    """Metadata of a child that goes with its Deployment."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": "Deployment",
        "name": key.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "namespace": key.namespace, "labels": child_labels, "ownerReferences": [owner]}


def stamped(manifest: Manifest) -> Manifest:
    """The manifest with a hash of itself, by which it is known again."""
    stamp = {APPLIED: short_hash(manifest)}
    return manifest | {"metadata": manifest["metadata"] | {"annotations": stamp}}


def applied(body: Manifest) -> str:
    """Hash of the manifest that an object was made from; empty where it was not made by us."""
    return str(body["metadata"].get("annotations", {}).get(APPLIED, ""))


def is_of(uid: str, body: Manifest) -> bool:
    """Whether an object belongs to the Deployment with that UID."""
    return any(owner["uid"] == uid for owner in body["metadata"].get("ownerReferences", []))
