"""The sources of Argo Workflows, which on Linux lack a file in the module's archive."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cluster import gobuild
from tests.cluster.settings import PACKAGE

MODULE = "github.com/argoproj/argo-workflows/v3"
SOURCE = PACKAGE / "go" / "argo"
RECIPE = (Path(__file__),)

_MISSING = "signal_linux.go"


def complete(folder: Path) -> None:
    """Lay the module's files beside ours, as `replace` in go.mod expects them, with the one that they lack."""
    copy = folder / "argo-workflows"
    shutil.copytree(gobuild.module_folder(SOURCE, MODULE), copy, copy_function=shutil.copyfile)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # Go's module cache is read-only
    (folder / _MISSING).rename(copy / "workflow" / "executor" / "osspecific" / _MISSING)
