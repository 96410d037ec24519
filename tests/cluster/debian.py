"""Debian systems that images are made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from . import apt, imagestore
from .settings import CACHE
from .shell import run, step

SUITE = "bookworm"
UNREAD = ("man", "doc", "info", "locale")


def bootstrap(packages: str, archive: Path) -> None:
    """Write a minimal system with the packages into an archive."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in UNREAD]
    run("mmdebstrap", "-q", "--variant=minbase", f"--include={packages}", *excluded, SUITE, archive)


def add_image(name: str, packages: str, **config: object) -> None:
    """Make an image of nothing but Debian packages, once per set of packages."""
    key = hashlib.sha256(f"{SUITE} {packages} {UNREAD} {config}".encode()).hexdigest()
    stamp = CACHE / "images" / "stamps" / f"debian-{name}"
    if imagestore.descriptor(name) and stamp.exists() and stamp.read_text() == key:
        return
    apt.install_image_packages()
    with step(f"build image {name}"):
        archive = CACHE / "images" / f"{name}.tar"
        bootstrap(packages, archive)
        imagestore.add_layer(name, archive.read_bytes(), **config)
        archive.unlink()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)
