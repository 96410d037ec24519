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
# Whatever has a webhook here fails while Kueue is down: only what we use, and never the platform's own pods.
_WEBHOOK_GROUPS = {"batch", "", "kueue.x-k8s.io"}
_SPARED = ["kube-system", "kueue-system", "kubeflow", "local-path-storage", "millwright"]


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
    """Leave of a webhook configuration what is for our kinds and for users' namespaces."""
    webhooks = [hook for hook in item.get("webhooks", []) if _groups(hook) <= _WEBHOOK_GROUPS]
    for hook in webhooks:
        if "namespaceSelector" in hook:
            spared = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": _SPARED}
            hook["namespaceSelector"] = {"matchExpressions": [spared]}
    return item | {"webhooks": webhooks} if "webhooks" in item else item


def _groups(hook: dict[str, Any]) -> set[str]:
    return {group for rule in hook["rules"] for group in rule["apiGroups"]}
