"""S3 as a pod finds it: endpoint and credentials come from the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from millwright_runner.outcome import Failed
from millwright_serving.storage_errors import explain

UNAVAILABLE = "StorageUnavailable"


def client() -> Any:
    """A client of boto3."""
    return boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))


@contextmanager
def explained(verb: str, uri: str) -> Iterator[None]:
    """Raises `Failed` (StorageUnavailable), with a sentence that says what to correct, where S3 refuses."""
    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise Failed(UNAVAILABLE, f"Could not {verb} {explain(error, uri)}") from error
