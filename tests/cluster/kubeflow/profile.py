"""What a namespace needs so that runs of Kubeflow Pipelines can be in it."""

from __future__ import annotations

from tests.cluster.kubectl import kubectl
from tests.cluster.settings import PACKAGE, Checkout

_PROFILE = PACKAGE / "manifests" / "kubeflow" / "profile.yaml"


def apply(checkout: Checkout, namespace: str) -> None:
    """Make the namespace, unless it is there, and its configuration, account and roles."""
    text = _PROFILE.read_text().replace("NAMESPACE", namespace)
    # A manager of its own: what else is said of the namespace stays.
    manager = ("--field-manager=kubeflow-profile", "--force-conflicts")
    kubectl(checkout, "apply", "--server-side", *manager, "-f", "-", input=text)
