# ruff: noqa: T201 (what a pod prints is its log)
"""Store the flights data in S3: `AWS_ENDPOINT_URL=… python -m flights.seed [s3://data/flights]`.

Runs in the runner-dev environment, on a machine that reaches the store. Doing it again stores only what differs.
"""

import hashlib
import io
import os
import sys
from typing import Any
from urllib.parse import urlparse

import boto3
import pandas as pd
from botocore.exceptions import ClientError

from flights.source import tables

TARGET = "s3://data/flights"
DIGEST = "sha256"  # of the content, kept as metadata of the object: ETags differ between stores


def seed(target: str) -> list[str]:
    """Store every table below `target`, making the bucket if need be; returns the keys that were written."""
    where, client = urlparse(target), boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    _ensure_bucket(client, where.netloc)
    named = {f"{where.path.strip('/')}/{name}.parquet": table for name, table in tables().items()}
    return [key for key, table in named.items() if _store(client, where.netloc, key, table)]


def _store(client: Any, bucket: str, key: str, table: pd.DataFrame) -> bool:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    if _stored_digest(client, bucket, key) == digest:
        return False
    client.put_object(Bucket=bucket, Key=key, Body=buffer.getvalue(), Metadata={DIGEST: digest})
    return True


def _stored_digest(client: Any, bucket: str, key: str) -> str | None:
    try:
        metadata: dict[str, str] = client.head_object(Bucket=bucket, Key=key)["Metadata"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return metadata.get(DIGEST)


def _ensure_bucket(client: Any, bucket: str) -> None:
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


if __name__ == "__main__":
    for written in seed(sys.argv[1] if len(sys.argv) > 1 else TARGET):
        print(written)
