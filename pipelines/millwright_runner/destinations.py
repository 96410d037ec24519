"""Where packages are stored: below an S3 prefix, or in a folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlparse

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from millwright_runner.outcome import Failed
from millwright_serving.package import MANIFEST
from millwright_serving.storage_errors import explain

UNAVAILABLE = "StorageUnavailable"


class Destination(Protocol):
    """A place for one package."""

    def manifest(self) -> str | None:
        """The text of the manifest that is there, or None."""

    def store(self, folder: Path) -> None:
        """Store all files of `folder`, the manifest last: a package with a manifest is complete."""


def at(uri: str) -> Destination:
    """The destination for `s3://bucket/prefix` or a folder's path."""
    parsed = urlparse(uri)
    return S3Prefix(parsed.netloc, parsed.path.strip("/")) if parsed.scheme == "s3" else Folder(Path(uri))


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def manifest(self) -> str | None:
        path = self._path / MANIFEST
        return path.read_text() if path.exists() else None

    def store(self, folder: Path) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        for source in _manifest_last(folder):
            shutil.copyfile(source, self._path / source.name)


class S3Prefix:
    """A prefix of a bucket; endpoint and credentials come from the environment. Raises Failed with a sentence."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._client = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))

    def manifest(self) -> str | None:
        with self._explained("read"):
            try:
                reply = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{MANIFEST}")
            except self._client.exceptions.NoSuchKey:
                return None
            return reply["Body"].read().decode()

    def store(self, folder: Path) -> None:
        with self._explained("write"):
            for source in _manifest_last(folder):
                self._client.upload_file(str(source), self._bucket, f"{self._prefix}/{source.name}")

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            sentence = explain(error, f"s3://{self._bucket}/{self._prefix}")
            raise Failed(UNAVAILABLE, f"Could not {verb} {sentence}") from error


def _manifest_last(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: path.name == MANIFEST)
