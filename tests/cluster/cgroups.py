"""A folder per node in every cgroup hierarchy; kubelet keeps its pods below it."""

from __future__ import annotations

from pathlib import Path

from .settings import Node
from .shell import wait_until

_TOP = Path("/sys/fs/cgroup")


def make(node: Node) -> None:
    """Make the node's folders, ready to hold processes."""
    for hierarchy in _hierarchies():
        folder = hierarchy / node.cgroup
        folder.mkdir(exist_ok=True)
        # A new cpuset is empty, and an empty cpuset takes no process.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if hierarchy.name == "cpuset":
                (folder / name).write_text((hierarchy / name).read_text())
        _delegate(hierarchy, folder)


def remove(node: Node) -> None:
    """Remove the node's folders; its processes must be gone."""
    for top in _folders(node.cgroup):
        folders = sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True)
        for folder in [*folders, top]:
            # The kernel lets go of a killed process a moment after it has gone.
            wait_until(f"cgroup {folder} empties", lambda folder=folder: _removed(folder), 10, every=0.05)


def leftovers() -> list[str]:
    """The node folders that are still there."""
    return [f"cgroup {folder}" for folder in _folders("millwright-*")]


def _hierarchies() -> list[Path]:
    if _is_version_2(_TOP):
        return [_TOP]
    return [path for path in sorted(_TOP.iterdir()) if path.is_dir() and not path.is_symlink()]


def _folders(pattern: str) -> list[Path]:
    return [folder for hierarchy in _hierarchies() for folder in hierarchy.glob(pattern)]


def _is_version_2(hierarchy: Path) -> bool:
    return (hierarchy / "cgroup.controllers").exists()


def _delegate(hierarchy: Path, folder: Path) -> None:
    if not _is_version_2(hierarchy):
        return
    controllers = " ".join(f"+{name}" for name in (hierarchy / "cgroup.controllers").read_text().split())
    for place in (hierarchy, folder):
        (place / "cgroup.subtree_control").write_text(controllers)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
