"""Two programs that build images: Docker where its engine answers, else buildah on Debian."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Protocol

from . import apt, debian, imagestore
from .imagestore import reference
from .settings import CACHE, ROOT
from .shell import ClusterError, run, step, succeeds

DOCKERFILE = ROOT / "Dockerfile"


class Builder(Protocol):
    """Builds targets of a Dockerfile, the project's or another."""

    name: str

    def base(self) -> str:
        """The name of the image that all others start from."""

    def has(self, name: str) -> bool:
        """Whether the image is still in the builder's own store."""

    def build(self, name: str, contexts: dict[str, Path], dockerfile: Path = DOCKERFILE) -> None:
        """Build the target with the named folders as additional build contexts."""

    def export(self, name: str) -> None:
        """Bring the image into the layout that nodes are served from."""


def choose() -> Builder:
    """Docker if its engine answers, else buildah."""
    if succeeds("docker", "info"):
        return Docker()
    apt.require_debian_root()
    apt.install_image_packages()
    return Buildah()


def _flags(name: str, contexts: dict[str, Path], dockerfile: Path) -> list[str | Path]:
    named = [f"--build-context={key}={path}" for key, path in contexts.items()]
    arguments = [f"--build-arg={key.upper()}={path.name}" for key, path in contexts.items() if key == "wheels"]
    return [*named, *arguments, "--target", name, "-t", reference(name), "-f", dockerfile, dockerfile.parent]


class Docker:
    """Docker with BuildKit, on the official Python image."""

    name = "docker"

    def base(self) -> str:
        return "the Dockerfile's own"

    def has(self, name: str) -> bool:
        return succeeds("docker", "image", "inspect", reference(name))

    def build(self, name: str, contexts: dict[str, Path], dockerfile: Path = DOCKERFILE) -> None:
        run("docker", "build", *_flags(name, contexts, dockerfile), env={**os.environ, "DOCKER_BUILDKIT": "1"})

    def export(self, name: str) -> None:
        raise ClusterError("A Docker engine without kind: install kind, then run `up` again.")


class Buildah:
    """buildah without an engine, on a Debian made by mmdebstrap; its store is in our cache."""

    name = "buildah"
    _PACKAGES = "python3,python3-venv,ca-certificates,catatonit"

    def __init__(self) -> None:
        store = CACHE / "buildah"
        self._store = ("--root", store / "root", "--runroot", store / "run", "--storage-driver", "overlay")

    def base(self) -> str:
        recipe = f"{debian.SUITE} {self._PACKAGES} {debian.UNREAD}"
        return f"localhost/millwright-base:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    def has(self, name: str) -> bool:
        return self._has(reference(name))

    def build(self, name: str, contexts: dict[str, Path], dockerfile: Path = DOCKERFILE) -> None:
        if not self._has(self.base()):
            with step("make the base image"):
                self._make_base()
        base = ("--build-arg", f"BASE_IMAGE={self.base()}", "--pull-never")
        self._run("build", "--isolation", "chroot", "--layers", *base, *_flags(name, contexts, dockerfile))
        self._push(name)
        self._run("rmi", "--prune")  # what this one has replaced: each build looks through all layers that there are

    def export(self, name: str) -> None:
        if not imagestore.descriptor(name):
            self._push(name)

    def _push(self, name: str) -> None:
        imagestore.prepare()
        self._run("push", "-q", "--disable-compression", reference(name), f"oci:{imagestore.LAYOUT}:{name}")
        imagestore.remove_unused()

    def _make_base(self) -> None:
        archive = CACHE / "images" / "base.tar"
        debian.bootstrap(self._PACKAGES, archive)
        container = self._run("from", "scratch").strip()
        self._run("add", "-q", container, archive, "/")
        self._run("commit", "-q", "--rm", container, self.base())
        archive.unlink()

    def _has(self, image: str) -> bool:
        return succeeds("buildah", *map(str, self._store), "inspect", "--type", "image", image)

    def _run(self, *words: str | Path) -> str:
        return run("buildah", *self._store, *words)
