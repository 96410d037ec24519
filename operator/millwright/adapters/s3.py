"""S3 by boto3: compiled pipelines and copies of executions, read with the operator's credentials where it may.

Credentials and endpoint come from the environment, as boto3 reads them (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …).
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlparse

from millwright.ports import DependencyError, RejectedError

ABSENT = ("NoSuchKey", "NoSuchBucket", "404")
REFUSED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403")


class S3Objects:
    """Implements ports.ObjectStore."""

    def __init__(self, allowed: Sequence[str]) -> None:
        """`allowed`: prefixes such as s3://pipelines/ below which whoever this store is handed to may read."""
        self._allowed = tuple(prefix.rstrip("/") + "/" for prefix in allowed)

    async def get(self, uri: str, most_bytes: int) -> bytes | None:
        if not uri.startswith(self._allowed) or not _is_plain(uri):
            places = ", ".join(self._allowed) or "none: the platform's setting storage.pipelines is empty"
            raise RejectedError(f"{uri} is no plain name below a place that may be read here ({places})")
        return await asyncio.to_thread(self._get, uri, most_bytes)

    def _get(self, uri: str, most_bytes: int) -> bytes | None:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        place = urlparse(uri)
        try:
            found = _client().get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
            content: bytes = found["Body"].read(most_bytes + 1)
        except ClientError as error:
            _raise_unless_absent(uri, error.response["Error"].get("Code", ""))
            return None
        except NoCredentialsError as error:
            raise RejectedError(f"{uri}: the operator has no S3 credentials (storage.operatorSecretName)") from error
        except (BotoCoreError, OSError) as error:
            raise DependencyError("s3", f"{uri}: {error}") from error
        if len(content) > most_bytes:
            raise RejectedError(f"{uri} is larger than {most_bytes} bytes, which nothing is that is read here")
        return content


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
