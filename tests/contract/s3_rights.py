"""An S3 of one's own whose users have the rights that docs/registry-and-storage.md names, and no more; by versitygw."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import boto3
from tests.cluster import gobuild

Environment = dict[str, str]
Statement = dict[str, Any]
UPLOAD = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def client(environment: Mapping[str, str]) -> Any:
    """For whoever has the storage Secret with these variables."""
    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def user(root: Environment, name: str) -> Environment:
    """The storage Secret of a user who may nothing yet."""
    gobuild.build((gobuild.VERSITYGW,))
    secret = uuid4().hex
    admin = ("--access", root["AWS_ACCESS_KEY_ID"], "--secret", root["AWS_SECRET_ACCESS_KEY"])
    made = ("create-user", "--access", name, "--secret", secret, "--role", "user")
    command = [str(gobuild.VERSITYGW.binary), "admin", *admin, "--endpoint-url", root["AWS_ENDPOINT_URL"], *made]
    subprocess.run(command, check=True, capture_output=True)
    return root | {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}


def bucket(root: Environment, name: str, *statements: Statement) -> None:
    """A new bucket with a policy."""
    s3 = client(root)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def of_a_namespace(owner: Environment, name: str, namespace: str) -> Sequence[Statement]:
    """Packages of one namespace, in the bucket of that name: its pods store, load and list them."""
    objects = _allow(owner, ("s3:GetObject", *UPLOAD), f"{name}/{namespace}/*")
    listing = _allow(owner, ("s3:ListBucket",), name)
    return objects, listing | {"Condition": {"StringLike": {"s3:prefix": f"{namespace}/*"}}}


def of_the_operator(reader: Environment, name: str) -> Sequence[Statement]:
    """Copies of executions in the bucket of packages, and what is missing told from what is forbidden."""
    return _allow(reader, ("s3:GetObject",), f"{name}/*.replay/*"), _allow(reader, ("s3:ListBucket",), name)


def of_mlflow(owner: Environment, name: str) -> Sequence[Statement]:
    """All artifacts: pods send and fetch theirs through MLflow."""
    objects = _allow(owner, ("s3:GetObject", "s3:DeleteObject", *UPLOAD), f"{name}/*")
    return objects, _allow(owner, ("s3:ListBucket",), name)


def _allow(who: Environment, actions: tuple[str, ...], what: str) -> Statement:
    principal = {"AWS": [who["AWS_ACCESS_KEY_ID"]]}
    return {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": f"arn:aws:s3:::{what}"}
