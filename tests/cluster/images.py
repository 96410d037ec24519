"""Build the images of the Dockerfile and hand them to the cluster, each only when it changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from . import builders, gobuild, imagestore, kind, wheels
from .builders import DOCKERFILE
from .settings import CACHE, ROOT, Checkout
from .shell import step

_APPLICATIONS = ("operator", "serving", "runner")
NAMES = (*_APPLICATIONS, "versitygw", "carriers")
_CARRIERS = ROOT / "pipelines" / "carriers" / "Dockerfile"
_CARRIERS_LOCK = os.environ.get("MILLWRIGHT_CARRIERS_LOCK", "carriers")
_STAMPS = CACHE / "images" / "stamps"


def build_and_import(checkout: Checkout) -> None:
    """Build what changed since it was last built, then give the nodes what they lack."""
    builder = builders.choose()
    for name, contexts in _contexts().items():
        build(builder, name, contexts)
    build(builder, "carriers", _carriers(), _CARRIERS, DOCKERFILE)
    for name in NAMES:
        with step(f"hand out {name}"):
            _hand_out(checkout, builder, name)


def build(builder: builders.Builder, name: str, contexts: dict[str, Path], *recipe: Path) -> None:
    """Build a target of a Dockerfile, unless the image is there and nothing of it has changed.

    The Dockerfile is the first of `recipe`; the others are the files that it copies from beside it.
    """
    recipe = recipe or (DOCKERFILE,)
    key = _key(builder, name, contexts, recipe)
    stamp = _STAMPS / f"{builder.name}-{name}"
    if stamp.exists() and stamp.read_text() == key and builder.has(name):
        return
    with step(f"build image {name}"):
        builder.build(name, contexts, recipe[0])
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)


def versitygw() -> dict[str, Path]:
    """The folders that the S3 gateway's image is made from."""
    gobuild.build((gobuild.VERSITYGW,))
    return {"programs": gobuild.VERSITYGW.binary.parent}


def _contexts() -> dict[str, dict[str, Path]]:
    """Image → the folders it is made from; all hold the same state of our sources."""
    project = wheels.project()
    return {name: _application(name, project) for name in _APPLICATIONS} | {"versitygw": versitygw()}


def _application(name: str, project: Path) -> dict[str, Path]:
    return {"wheels": wheels.dependencies(ROOT / "requirements" / f"{name}.txt"), "project": project}


def _carriers() -> dict[str, Path]:
    """A team's image on top of the runner image: what that one is made from is named too, to be made again after it."""
    runner = _application("runner", wheels.project())
    lock = ROOT / "requirements" / f"{_CARRIERS_LOCK}.txt"
    return {"wheels": wheels.dependencies(lock), "runner": runner["wheels"], "project": runner["project"]}


def _key(builder: builders.Builder, name: str, contexts: dict[str, Path], recipe: tuple[Path, ...]) -> str:
    """The folders' names tell their contents."""
    texts = [path.read_text() for path in recipe]
    parts = [name, builder.base(), *texts, *(path.name for path in contexts.values())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _hand_out(checkout: Checkout, builder: builders.Builder, name: str) -> None:
    if kind.is_usable():
        kind.load_image(name)
        return
    builder.export(name)
    imagestore.import_into_all(checkout, name)
