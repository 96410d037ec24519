"""What a cluster has besides Kubernetes when the environment asks for it: KUBEFLOW, KUEUE, GATEWAY."""

from __future__ import annotations

import os

from . import gateway, gobuild, kueue, prometheus
from .kubeflow import install as kubeflow
from .kubeflow import programs
from .settings import Checkout
from .shell import ClusterError

_MODES = {"1": "multi", "multi": "multi", "single": "single"}


def up(checkout: Checkout) -> None:
    """Install what is asked for on the cluster made of this machine."""
    if mode := _kubeflow_mode():
        kubeflow.up(checkout, mode)
    if _wants("KUEUE"):
        kueue.up(checkout)
    if _wants("GATEWAY"):
        gateway.up(checkout)
        prometheus.up(checkout)


def refuse() -> None:
    """Raises ClusterError where something is asked for that only the cluster made of this machine gets."""
    if _kubeflow_mode() or _wants("KUEUE") or _wants("GATEWAY"):
        raise ClusterError(
            "KUBEFLOW, KUEUE and GATEWAY are for the cluster made of this machine: install upstream's on yours."
        )


def build() -> None:
    """Build the programs of what is asked for."""
    if _kubeflow_mode():
        gobuild.build(programs.PROGRAMS)
    if _wants("KUEUE"):
        gobuild.build((kueue.KUEUE,))
    if _wants("GATEWAY"):
        gobuild.build((*gateway.PROGRAMS, prometheus.PROMETHEUS))


def _kubeflow_mode() -> str | None:
    asked = os.environ.get("KUBEFLOW", "0")
    if asked not in (*_MODES, "", "0"):
        raise ClusterError(f"KUBEFLOW={asked}: it may be 1 (users have namespaces) or single (one for all).")
    return _MODES.get(asked)


def _wants(component: str) -> bool:
    return os.environ.get(component, "0") not in ("", "0")
