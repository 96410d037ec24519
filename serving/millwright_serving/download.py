"""Bring a package here and refuse it unless it is, byte for byte, the one that was asked for."""

import shutil
import threading
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from millwright_serving.package import MANIFEST, DigestMismatch, Manifest, PackageError, digest_of

_CREATING = threading.Lock()  # a client may be used by many threads, but made by one at a time


def fetch(uri: str, place: Path) -> Path:
    """The folder that holds the package: `uri` itself when it is a path; of an s3:// prefix a fresh copy at `place`.

    Raises PackageError when there is no such package or it cannot be read.
    """
    if uri.startswith("s3://"):
        return _fetch_s3(uri, place)
    folder = Path(uri)
    if not folder.is_dir():
        raise PackageError(f"There is no package at {uri}.")
    return folder


def verified_manifest(folder: Path, expected: str) -> Manifest:
    """The manifest of the package in `folder`, once the content has the digest `expected` ("sha256:<hex>").

    Raises DigestMismatch; nothing of the package may be loaded then.
    """
    actual = digest_of(folder)
    if actual != expected:
        raise DigestMismatch(f"The package's digest is {actual}, but {expected} was asked for; it was not loaded.")
    manifest_file = folder / MANIFEST
    if not manifest_file.is_file():
        raise PackageError(f"The package has no {MANIFEST}: its packaging did not finish.")
    manifest = Manifest.from_json(manifest_file.read_bytes())
    if manifest.digest != expected:
        raise DigestMismatch(f"{MANIFEST} states the digest {manifest.digest}, but {expected} was asked for.")
    return manifest


def _fetch_s3(uri: str, folder: Path) -> Path:
    # Only here, because a package in a plain folder needs none of it and boto3 is slow to import.
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    from millwright_serving.storage_errors import explain

    # A restarted container finds what the last one left in the emptyDir; it would change the digest.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        found = download_prefix(uri, folder)
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise PackageError(f"Could not read {explain(error, uri)}") from error
    if not found:
        raise PackageError(f"There is no package at {uri}.")
    return folder


def download_prefix(uri: str, folder: Path) -> bool:
    """Everything below an s3:// prefix, into `folder`; false when there is nothing.

    Raises PackageError for a name that would leave the folder, and what boto3 raises.
    """
    import boto3
    from botocore.config import Config

    parts = urlsplit(uri)
    bucket, prefix = parts.netloc, parts.path.strip("/") + "/"
    with _CREATING:
        client = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", []) if not entry["Key"].endswith("/")]
    for key in keys:
        target = folder / _inside(key.removeprefix(prefix))
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, key, str(target))
    return bool(keys)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise PackageError(f"There is a file outside of its own folder: {name}.")
    return path
