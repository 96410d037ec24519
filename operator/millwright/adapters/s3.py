"""S3 by boto3: what the operator reads and takes away itself, with its own credentials and where it may.

Credentials and endpoint come from the environment, as boto3 reads them (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any
from urllib.parse import urlparse

from millwright.ports import DependencyError, Fence, RejectedError

ABSENT = ("NoSuchKey", "NoSuchBucket", "404")
WRITTEN_LAST = "/manifest.json"
REFUSED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403")


class S3Objects:
    """Implements ports.ObjectStore."""

    def __init__(self, allowed: Sequence[str], fence: Fence = nullcontext) -> None:
        """`allowed`: prefixes such as s3://pipelines/ below which whoever this store is handed to may act."""
        self._allowed = tuple(prefix.rstrip("/") + "/" for prefix in allowed)
        self._fence = fence

    async def get(self, uri: str, most_bytes: int) -> bytes | None:
        async with self._fence():
            return await asyncio.to_thread(self._get, uri, *self._place(uri), most_bytes)

    async def remove(self, folder: str) -> None:
        async with self._fence():
            await asyncio.to_thread(self._remove, folder, *self._place(folder))

    def _place(self, uri: str) -> tuple[str, str]:
        """Bucket and key."""
        if not uri.startswith(self._allowed) or not _is_plain(uri):
            places = ", ".join(self._allowed) or "none: the platform's setting storage.pipelines is empty"
            raise RejectedError(f"{uri} is no plain name below a place that may be read here ({places})")
        place = urlparse(uri)
        return place.netloc, place.path.lstrip("/")

    def _get(self, uri: str, bucket: str, key: str, most_bytes: int) -> bytes | None:
        content: bytes | None = None
        with _explained(uri):
            content = _client().get_object(Bucket=bucket, Key=key)["Body"].read(most_bytes + 1)
        if content is not None and len(content) > most_bytes:
            raise RejectedError(f"{uri} is larger than {most_bytes} bytes, which nothing is that is read here")
        return content

    def _remove(self, uri: str, bucket: str, key: str) -> None:
        """What is written last goes first, so that a package that is left in part has no manifest."""
        with _explained(uri):
            pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key}/")
            found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
            for name in sorted(found, key=lambda name: not name.endswith(WRITTEN_LAST)):
                _client().delete_object(Bucket=bucket, Key=name)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Trouble in our own words; that something is not there is none."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        _raise_unless_absent(uri, error.response["Error"].get("Code", ""))
    except NoCredentialsError as error:
        raise RejectedError(f"{uri}: the operator has no S3 credentials (storage.operatorSecretName)") from error
    except (BotoCoreError, OSError) as error:
        raise DependencyError("s3", f"{uri}: {error}") from error


@cache
def _client() -> Any:
    """One for all stores. Imported when it is first needed: boto3 costs memory that most installations save."""
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(connect_timeout=5, read_timeout=15, retries={"max_attempts": 2}))


def _is_plain(uri: str) -> bool:
    """Whether nobody between here and the disk could take it for another: HTTP clients and file systems follow `..`."""
    names = uri.removeprefix("s3://").split("/")
    return not ({"", ".", ".."} & set(names)) and not set(uri) & set("?#\\")


def _raise_unless_absent(uri: str, code: str) -> None:
    """Nothing for an object that is not there; DependencyError for what S3 says else."""
    if code in REFUSED:
        raise DependencyError("s3", f"{uri}: the operator's credentials are refused ({code})")
    if code not in ABSENT:
        raise DependencyError("s3", f"{uri}: {code}")
