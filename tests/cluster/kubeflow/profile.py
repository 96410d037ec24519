"""What a namespace needs so that runs of Kubeflow Pipelines can be in it."""

from __future__ import annotations

from tests.cluster.kubectl import kubectl
from tests.cluster.settings import PACKAGE, Checkout

_PROFILE = PACKAGE / "manifests" / "kubeflow" / "profile.yaml"


def apply(checkout: Checkout, namespace: str) -> None:
    """Make the namespace, unless it is there, and its configuration, account and roles."""
    text = _PROFILE.read_text().replace("NAMESPACE", namespace)
    kubectl(checkout, "apply", "--server-side", "--force-conflicts", "-f", "-", input=text)
