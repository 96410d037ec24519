"""What comes from elsewhere: fetched whole, and compared with its digest before anything opens it."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from millwright_runner.outcome import Failed, Rejected
from millwright_runner.s3 import UNAVAILABLE
from millwright_serving.download import download_prefix
from millwright_serving.package import PackageError, digest_of
from millwright_serving.storage_errors import explain

NOT_FOUND = "ObjectNotFound"
ABSENT = ("NoSuchKey", "NoSuchBucket")


@dataclass(frozen=True)
class Place:
    """An object or a prefix in S3, or a path of this machine, and the digest of what is there (None: whatever it is).

    The digest of an object is sha256 of its content, that of a prefix is a package's (millwright_serving.package).
    """

    uri: str
    digest: str | None = None


def fetch_file(place: Place, path: Path) -> str:
    """Copy one object to `path`; returns its digest.

    Raises `Failed` (ObjectNotFound, StorageUnavailable), `Rejected` (DigestMismatch).
    """
    found = _from_s3(place.uri, path, _get_object) if _is_s3(place.uri) else _copy(place.uri, path)
    if not found:
        raise Failed(NOT_FOUND, f"There is no object {place.uri}.")
    with path.open("rb") as file:
        return _checked(place, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")


def fetch_folder(place: Place, folder: Path) -> str:
    """Copy all that is below a prefix into `folder`; returns its digest. Raises as `fetch_file` does."""
    folder.mkdir()
    found = _from_s3(place.uri, folder, download_prefix) if _is_s3(place.uri) else _copy_all(place.uri, folder)
    if not found:
        raise Failed(NOT_FOUND, f"There is no object below {place.uri}.")
    return _checked(place, digest_of(folder))


def _checked(place: Place, digest: str) -> str:
    if place.digest not in (None, digest):
        message = f"{place.uri} has the digest {digest}, but {place.digest} is asked for; nothing of it was opened."
        raise Rejected("DigestMismatch", message)
    return digest


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3://")


def _from_s3(uri: str, path: Path, download: Callable[[str, Path], bool]) -> bool:
    try:
        return download(uri, path)
    except PackageError as error:
        raise Rejected("InvalidModel", f"{uri}: {error}") from error
    except (Boto3Error, BotoCoreError, ClientError) as error:
        absent = isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in ABSENT
        raise Failed(NOT_FOUND if absent else UNAVAILABLE, f"Could not read {explain(error, uri)}") from error


def _get_object(uri: str, path: Path) -> bool:
    parts, client = urlsplit(uri), boto3.client("s3")
    try:
        content = client.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"]
    except client.exceptions.NoSuchKey:
        return False
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    return True


def _copy(source: str, path: Path) -> bool:
    return Path(source).is_file() and bool(shutil.copyfile(source, path))


def _copy_all(source: str, folder: Path) -> bool:
    return Path(source).is_dir() and bool(shutil.copytree(source, folder, dirs_exist_ok=True))
