"""Build the images of the Dockerfile and hand them to the cluster, each only when it changed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import builders, gobuild, imagestore, kind, wheels
from .settings import CACHE, ROOT, Checkout
from .shell import step

_APPLICATIONS = ("operator", "serving", "runner")
NAMES = (*_APPLICATIONS, "versitygw")
_STAMPS = CACHE / "images" / "stamps"


def build_and_import(checkout: Checkout) -> None:
    """Build what changed since it was last built, then give the nodes what they lack."""
    builder = builders.choose()
    for name, contexts in _contexts().items():
        _build(builder, name, contexts)
    for name in NAMES:
        with step(f"hand out {name}"):
            _hand_out(checkout, builder, name)


def _build(builder: builders.Builder, name: str, contexts: dict[str, Path]) -> None:
    key = _key(builder, name, contexts)
    stamp = _STAMPS / f"{builder.name}-{name}"
    if stamp.exists() and stamp.read_text() == key and builder.has(name):
        return
    with step(f"build image {name}"):
        builder.build(name, contexts)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)


def _contexts() -> dict[str, dict[str, Path]]:
    """Image → the folders it is made from; all hold the same state of our sources."""
    gobuild.build((gobuild.VERSITYGW,))
    project = wheels.project()
    applications = {name: {"wheels": wheels.dependencies(name), "project": project} for name in _APPLICATIONS}
    return applications | {"versitygw": {"programs": gobuild.VERSITYGW.binary.parent}}


def _key(builder: builders.Builder, name: str, contexts: dict[str, Path]) -> str:
    """The folders' names tell their contents."""
    parts = [name, builder.base(), (ROOT / "Dockerfile").read_text(), *(path.name for path in contexts.values())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _hand_out(checkout: Checkout, builder: builders.Builder, name: str) -> None:
    if kind.is_usable():
        kind.load_image(name)
        return
    builder.export(name)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda node: imagestore.import_into(checkout, node, name), checkout.nodes()))
