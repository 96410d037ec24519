"""What a cluster has besides Kubernetes when the environment asks for it: KUBEFLOW, KUEUE."""

from __future__ import annotations

import os

from . import gobuild, kueue
from .kubeflow import install as kubeflow
from .kubeflow import programs
from .settings import Checkout
from .shell import ClusterError

_MODES = {"1": "multi", "multi": "multi", "single": "single"}


def up(checkout: Checkout) -> None:
    """Install what is asked for on the cluster made of this machine."""
    if mode := _kubeflow_mode():
        kubeflow.up(checkout, mode)
    if _wants_kueue():
        kueue.up(checkout)


def refuse() -> None:
    """Raises ClusterError where something is asked for that only the cluster made of this machine gets."""
    if _kubeflow_mode() or _wants_kueue():
        raise ClusterError("KUBEFLOW and KUEUE are for the cluster made of this machine: install upstream's on yours.")


def build() -> None:
    """Build the programs of what is asked for."""
    wanted = (*(programs.PROGRAMS if _kubeflow_mode() else ()), *((kueue.KUEUE,) if _wants_kueue() else ()))
    gobuild.build(wanted)


def _kubeflow_mode() -> str | None:
    asked = os.environ.get("KUBEFLOW", "0")
    if asked not in (*_MODES, "", "0"):
        raise ClusterError(f"KUBEFLOW={asked}: it may be 1 (users have namespaces) or single (one for all).")
    return _MODES.get(asked)


def _wants_kueue() -> bool:
    return os.environ.get("KUEUE", "0") not in ("", "0")
