"""The S3 gateway that the chart installs, as a process of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import gobuild
from tests.contract.processes import free_port, served

ACCESS_KEY, SECRET_KEY = "contract-access-key", "contract-secret-key"


@contextmanager
def s3_server(folder: Path, with_users: bool = False) -> Iterator[dict[str, str]]:
    """The environment that reaches a gateway without buckets, on a free port: a storage Secret's four variables.

    `with_users`: there can be others than the one with the root key.
    """
    gobuild.build((gobuild.VERSITYGW,))
    data, users, address = folder / "data", folder / "users", f"127.0.0.1:{free_port()}"
    data.mkdir()
    users.mkdir()
    # As in charts/millwright/templates/storage.yaml.
    options = ["--port", address, "--region", "us-east-1", "--health", "/health"]
    options += ["--iam-dir", str(users)] if with_users else []
    options += ["posix", str(data)]
    environment = os.environ | {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
    url = f"http://{address}"
    with served("the S3 gateway", [gobuild.VERSITYGW.binary, *options], url, environment, folder, seconds=60):
        yield {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
