"""What goes into images comes from wheels that this machine fetched: a build needs no network."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from .settings import CACHE, ROOT
from .shell import ClusterError, run, step

# The images' interpreter: wheels are chosen for it.
_PYTHON = "3.11"
# No wheel was ever published of these.
_SOURCE_ONLY = ("kfp-server-api",)
_SOURCES = ("pyproject.toml", "operator/millwright", "serving/millwright_serving", "pipelines/millwright_runner")


def dependencies(environment: str) -> Path:
    """The folder with the wheels that the environment's lock file pins."""
    lock = ROOT / "requirements" / f"{environment}.txt"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = CACHE / "wheels" / f"{environment}-{key}"
    if not folder.exists():
        with step(f"fetch wheels: {environment}"):
            _fetch(lock, folder)
    return folder


def project() -> Path:
    """The folder with our own wheel, built from the sources as they are now."""
    folder = CACHE / "wheels" / f"project-{tree_hash([ROOT / source for source in _SOURCES])}"
    if not folder.exists():
        with step("build the project's wheel"):
            _build(folder)
    return folder


def tree_hash(paths: list[Path]) -> str:
    """One hash for the content of files and folders; bytecode does not count."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(path.parent)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _fetch(lock: Path, folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    forms = ("--only-binary", ":all:", *(word for name in _SOURCE_ONLY for word in ("--no-binary", name)))
    flags = ("--require-hashes", "--no-deps", "--disable-pip-version-check", "-q", *forms)
    run(_interpreter(), "-m", "pip", "wheel", *flags, "-w", partial, "-r", lock)
    partial.rename(folder)


def _build(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary, "source")
        for source in _SOURCES:
            target = stage / source
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, target)
        # Empty here: an edit of the real one is no reason to build images.
        (stage / "README.md").touch()
        run(_interpreter(), "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, stage)


def _interpreter() -> str:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == _PYTHON:
        return sys.executable
    found = shutil.which(f"python{_PYTHON}")
    if not found:
        raise ClusterError(f"Python {_PYTHON} is missing: the images' wheels are chosen by it.")
    return found
