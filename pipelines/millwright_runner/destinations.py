"""Where packages are stored: below an S3 prefix, or in a folder."""

import shutil
from pathlib import Path
from typing import Protocol
from urllib.parse import urlparse

from millwright_runner import s3
from millwright_serving.package import MANIFEST


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
            place = self._path / source.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)


class S3Prefix:
    """A prefix of a bucket; endpoint and credentials come from the environment. Raises Failed with a sentence."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._uri = f"s3://{bucket}/{prefix}"
        self._client = s3.client()

    def manifest(self) -> str | None:
        with s3.explained("read", self._uri):
            try:
                reply = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{MANIFEST}")
            except self._client.exceptions.NoSuchKey:
                return None
            return str(reply["Body"].read().decode())

    def store(self, folder: Path) -> None:
        with s3.explained("write", self._uri):
            for source in _manifest_last(folder):
                self._client.upload_file(
                    str(source), self._bucket, f"{self._prefix}/{source.relative_to(folder).as_posix()}"
                )


def _manifest_last(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(files, key=lambda path: path == folder / MANIFEST)
