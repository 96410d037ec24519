"""One OCI image layout that holds all our images, and their way into the nodes.

Layers are shared and stay uncompressed. A node gets an archive of only what it lacks, so after
a change of code a few hundred kilobytes travel instead of a gigabyte.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import node as nodes
from .settings import CACHE, REGISTRY, Checkout, Node
from .shell import ClusterError

LAYOUT = CACHE / "images" / "oci"
_INDEX = LAYOUT / "index.json"
_NAME = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME = "io.containerd.image.name"
_TYPE = "application/vnd.oci.image"


def reference(name: str) -> str:
    """What manifests call the image."""
    return f"{REGISTRY}/{name}:dev"


def prepare() -> None:
    """Make an empty layout unless there is one."""
    if not _INDEX.exists():
        (LAYOUT / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (LAYOUT / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        _INDEX.write_text('{"schemaVersion":2,"manifests":[]}')


def descriptor(name: str) -> dict | None:
    """The image's entry in the index."""
    entries = json.loads(_INDEX.read_text())["manifests"] if _INDEX.exists() else []
    return next((entry for entry in entries if entry.get("annotations", {}).get(_NAME) == name), None)


def add(name: str, files: dict[str, Path | str | None], **config: object) -> None:
    """Make an image from files of this machine; a string is a symlink's target, None a folder that all may write."""
    add_layer(name, _tar(files), **config)


def add_layer(name: str, archive: bytes, **config: object) -> None:
    """Make an image of one layer, which is a tar archive."""
    prepare()
    layer = _add_blob(archive, f"{_TYPE}.layer.v1.tar")
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}.manifest.v1+json",
        "config": _add_blob(json.dumps(image).encode(), f"{_TYPE}.config.v1+json"),
        "layers": [layer],
    }
    entry = _add_blob(json.dumps(manifest).encode(), f"{_TYPE}.manifest.v1+json")
    _write_index(name, entry | {"annotations": {_NAME: name}})


def remove_unused() -> None:
    """Delete the blobs that no image refers to any more."""
    entries = json.loads(_INDEX.read_text())["manifests"]
    used = {path for entry in entries for path in map(_blob, _digests(entry["digest"]))}
    for path in (LAYOUT / "blobs" / "sha256").iterdir():
        if path not in used:
            path.unlink()


def import_into(checkout: Checkout, node: Node, name: str) -> None:
    """Give a node the current image under its reference, unless it has it."""
    entry, current = descriptor(name), _current(checkout, node, reference(name))
    if current == entry["digest"]:
        return
    with _held(checkout, node, current and reference(name)):
        _stream(checkout, node, name, entry)


def import_into_all(checkout: Checkout, name: str) -> None:
    """Give all nodes the current image, side by side."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda node: import_into(checkout, node, name), checkout.nodes()))


@contextlib.contextmanager
def _held(checkout: Checkout, node: Node, image: str) -> Iterator[None]:
    """Hold the image that is being replaced: containerd would collect the layers shared with the new one."""
    if image:
        nodes.ctr(checkout, node, "images", "tag", "--force", image, f"{image}-replaced")
    yield
    if image:
        nodes.ctr(checkout, node, "images", "rm", f"{image}-replaced")


def _stream(checkout: Checkout, node: Node, name: str, entry: dict) -> None:
    pipe = nodes.pipe_into(checkout, node, "ctr", "-n", "k8s.io", "images", "import", "-")
    with pipe as ctr, contextlib.suppress(BrokenPipeError):  # the exit code tells
        _write_archive(ctr.stdin, node, name, entry)
    if ctr.returncode:
        # Its name may be there before its content is.
        nodes.ctr(checkout, node, "images", "rm", reference(name))
        raise ClusterError(f"{node.name} refuses image {name}")


def _write_archive(out, node: Node, name: str, entry: dict) -> None:
    named = {key: value for key, value in entry.items() if key != "annotations"}
    named["annotations"] = {_CONTAINERD_NAME: reference(name), _NAME: reference(name)}
    with tarfile.open(fileobj=out, mode="w|") as archive:
        _add_text(archive, "oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        for digest in _digests(entry["digest"]):
            if not _has_blob(node, digest):
                archive.add(_blob(digest), f"blobs/sha256/{digest.removeprefix('sha256:')}")
        _add_text(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [named]}))


def _current(checkout: Checkout, node: Node, image: str) -> str:
    lines = nodes.ctr(checkout, node, "images", "ls", f"name=={image}").splitlines()
    return lines[1].split()[2] if len(lines) > 1 else ""


def _has_blob(node: Node, digest: str) -> bool:
    store = node.images / "io.containerd.content.v1.content" / "blobs" / "sha256"
    return (store / digest.removeprefix("sha256:")).exists()


def _digests(manifest_digest: str) -> list[str]:
    manifest = json.loads(_blob(manifest_digest).read_text())
    layers = [layer["digest"] for layer in manifest["layers"]]
    return list(dict.fromkeys([manifest_digest, manifest["config"]["digest"], *layers]))


def _blob(digest: str) -> Path:
    return LAYOUT / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _add_blob(content: bytes, media_type: str) -> dict:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _blob(digest).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _write_index(name: str, entry: dict) -> None:
    index = json.loads(_INDEX.read_text())
    others = [e for e in index["manifests"] if e.get("annotations", {}).get(_NAME) != name]
    _INDEX.write_text(json.dumps(index | {"manifests": [*others, entry]}))


def _tar(files: dict[str, Path | str | None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, source in sorted(files.items()):
            entry = tarfile.TarInfo(name)  # time and owner 0: the same files make the same image
            entry.mode = 0o755
            if source is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
                archive.addfile(entry)
            elif isinstance(source, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, source
                archive.addfile(entry)
            else:
                content = source.read_bytes()
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text.encode()))
