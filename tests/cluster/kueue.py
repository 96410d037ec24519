"""Kueue, from its Go module: admits Jobs and pods that name a queue."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from . import gobuild, imagestore
from .gobuild import Program
from .kubectl import kubectl
from .settings import PACKAGE, Checkout
from .shell import step

_DEPLOYMENT = "deployment/kueue-controller-manager"
MODULE = "sigs.k8s.io/kueue"
KUEUE = Program("kueue", f"{MODULE}/cmd/kueue")
_OVERLAY = PACKAGE / "manifests" / "kueue"
_SPARED = ["kube-system", "kueue-system", "kubeflow", "local-path-storage", "millwright"]
_USERS = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": _SPARED}]}
_QUEUED = {"matchExpressions": [{"key": "kueue.x-k8s.io/queue-name", "operator": "Exists"}]}
# API group → for which objects its webhooks are called. What is called fails while Kueue is down, and without these
# that would be every pod of the cluster.
_SELECTORS = {
    "": {"namespaceSelector": _USERS, "objectSelector": _QUEUED},
    "batch": {"namespaceSelector": _USERS, "objectSelector": _QUEUED},
    "kueue.x-k8s.io": {},
}


def up(checkout: Checkout) -> None:
    """Bring up the controller; it makes the certificates of its webhooks itself."""
    gobuild.build((KUEUE,))
    imagestore.add("kueue", {"bin/kueue": KUEUE.binary, "tmp": None}, Entrypoint=["/bin/kueue"])
    with step("images of Kueue"):
        imagestore.import_into_all(checkout, "kueue")
    with step("install Kueue"):
        # Server-side: its definitions are larger than an annotation may be.
        kubectl(checkout, "apply", "--server-side", "--force-conflicts", "-f", "-", input=_manifests(checkout))
    with step("Kueue ready"):
        kubectl(checkout, "-n", "kueue-system", "rollout", "status", _DEPLOYMENT, "--timeout=120s")


def _manifests(checkout: Checkout) -> str:
    """Upstream's own kustomization with our changes."""
    with tempfile.TemporaryDirectory() as temporary:
        module = gobuild.module_folder(PACKAGE / "go" / "kueue", MODULE)
        shutil.copytree(module / "config", Path(temporary, "config"))
        shutil.copytree(_OVERLAY, Path(temporary, "overlay"))
        text = kubectl(checkout, "kustomize", Path(temporary, "overlay"))
    # kubectl tells JSON from YAML; the standard library reads only the one.
    told = kubectl(checkout, "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-", input=text)
    items = [_narrowed(item) for item in _documents(told)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _documents(text: str) -> list[dict[str, Any]]:
    decoder, position = json.JSONDecoder(), 0
    documents: list[dict[str, Any]] = []
    while position < len(text.rstrip()):
        document, position = decoder.raw_decode(text, position)
        documents.extend(document.get("items", [document]))
        position += len(text[position:]) - len(text[position:].lstrip())
    return documents


def _narrowed(item: dict[str, Any]) -> dict[str, Any]:
    """Leave of a webhook configuration what is for our kinds, for users' namespaces and for what names a queue."""
    if "webhooks" not in item:
        return item
    webhooks = [hook for hook in item["webhooks"] if _groups(hook) <= set(_SELECTORS)]
    return item | {"webhooks": [hook | _SELECTORS[next(iter(_groups(hook)))] for hook in webhooks]}


def _groups(hook: dict[str, Any]) -> set[str]:
    return {group for rule in hook["rules"] for group in rule["apiGroups"]}
