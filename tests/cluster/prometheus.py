"""Prometheus, from its Go module: scrapes the pods that ask for it by annotation."""

from __future__ import annotations

from . import gobuild, imagestore
from .gobuild import Program
from .kubectl import kubectl
from .settings import PACKAGE, Checkout
from .shell import step

_STAMP = "-s -w -X github.com/prometheus/common/version.Version=3.15.0"
PROMETHEUS = Program(
    "prometheus",
    "github.com/prometheus/prometheus/cmd/prometheus",
    ldflags=_STAMP,
    # Of all that it can find targets in, each with its SDK, only Kubernetes.
    tags="remove_all_sd,enable_kubernetes_sd",
)
_MANIFESTS = PACKAGE / "manifests" / "prometheus"


def up(checkout: Checkout) -> None:
    """Bring it up; a changed `prometheus.yml` makes a new pod."""
    gobuild.build((PROMETHEUS,))
    imagestore.add("prometheus", {"bin/prometheus": PROMETHEUS.binary}, Entrypoint=["/bin/prometheus"])
    with step("image of Prometheus"):
        imagestore.import_into_all(checkout, "prometheus")
    with step("Prometheus"):
        kubectl(checkout, "apply", "--server-side", "--force-conflicts", "-k", _MANIFESTS)
        kubectl(checkout, "-n", "monitoring", "rollout", "status", "deployment/prometheus", "--timeout=120s")
