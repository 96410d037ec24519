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
_SITE_PACKAGES = f"/opt/millwright/lib/python{_PYTHON}/site-packages"
_SOURCES = ("pyproject.toml", "operator/millwright", "serving/millwright_serving", "pipelines/millwright_runner")


def dependencies(lock: Path) -> Path:
    """The folder with the wheels that the lock file pins."""
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = CACHE / "wheels" / f"{lock.stem}-{key}"
    if not folder.exists():
        with step(f"fetch wheels: {lock.stem}"):
            _fetch(lock, folder)
    return folder


def project() -> Path:
    """The folder with our own packages as they are now, installed and compiled."""
    with tempfile.TemporaryDirectory() as temporary:
        # Hashed as copied: the sources may be edited meanwhile.
        stage = _stage(Path(temporary, "source"))
        folder = CACHE / "wheels" / f"project-{_tree_hash(stage)}"
        if not folder.exists():
            with step("build the project's packages"):
                _install(stage, folder)
    return folder


def unpack(folder: Path, target: Path) -> Path:
    """Install the wheels of a folder into another one, for this machine's use."""
    flags = ("-q", "--disable-pip-version-check", "--no-deps", "--no-index")
    run(interpreter(), "-m", "pip", "install", *flags, "--target", target, *folder.glob("*.whl"))
    return target


def interpreter() -> str:
    """The Python that wheels are chosen for."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == _PYTHON:
        return sys.executable
    found = shutil.which(f"python{_PYTHON}")
    if not found:
        raise ClusterError(f"Python {_PYTHON} is missing: the images' wheels are chosen by it.")
    return found


def _tree_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _fetch(lock: Path, folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    forms = ("--only-binary", ":all:", *(word for name in _SOURCE_ONLY for word in ("--no-binary", name)))
    flags = ("--require-hashes", "--no-deps", "--disable-pip-version-check", "-q", *forms)
    run(interpreter(), "-m", "pip", "wheel", *flags, "-w", partial, "-r", lock)
    partial.rename(folder)


def _stage(stage: Path) -> Path:
    for source in _SOURCES:
        target = stage / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    # Empty here: an edit of the real one is no reason to build images.
    (stage / "README.md").touch()
    return stage


def _install(stage: Path, folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    flags = ("-q", "--disable-pip-version-check", "--no-deps", "--no-compile", "--upgrade")
    run(interpreter(), "-m", "pip", "install", *flags, "--target", partial, stage)
    # Unchecked: a read-only file system takes no fresh bytecode, and copying changes times.
    unchecked = ("--invalidation-mode", "unchecked-hash", "-s", partial, "-p", _SITE_PACKAGES)
    run(interpreter(), "-m", "compileall", "-q", *unchecked, partial)
    partial.rename(folder)
