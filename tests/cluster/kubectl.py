"""kubectl against the checkout's cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

from .settings import ROOT, Checkout
from .shell import run, succeeds


def kubeconfig_path() -> Path:
    """The kubeconfig of this checkout's cluster; there once `up` has run."""
    return Checkout(ROOT).kubeconfig


def kubectl(checkout: Checkout, *words: str | Path, **options) -> str:
    """Run kubectl and return what it printed; ClusterError when it fails."""
    return run(*_command(checkout), *words, **options)


def kubectl_succeeds(checkout: Checkout, *words: str | Path) -> bool:
    """Whether kubectl exits with 0."""
    return succeeds(*_command(checkout), *words)


def _command(checkout: Checkout) -> list[str | Path]:
    built = checkout.bin / "kubectl"
    program = built if built.exists() else shutil.which("kubectl") or "kubectl"
    return [program, "--kubeconfig", checkout.kubeconfig]
