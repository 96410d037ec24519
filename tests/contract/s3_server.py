"""The S3 gateway that the chart installs, as a process of its own."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.cluster import gobuild
from tests.contract.mlflow_server import free_port
from tests.contract.waiting import until

ACCESS_KEY, SECRET_KEY = "contract-access-key", "contract-secret-key"


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """The environment that reaches a gateway without buckets, on a free port: a storage Secret's four variables."""
    gobuild.build((gobuild.VERSITYGW,))
    data, address = folder / "data", f"127.0.0.1:{free_port()}"
    data.mkdir()
    # As in charts/millwright/templates/storage.yaml.
    options = ["--port", address, "--region", "us-east-1", "--health", "/health", "posix", str(data)]
    environment = os.environ | {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
    with (folder / "log").open("w") as log:
        gateway = subprocess.Popen([gobuild.VERSITYGW.binary, *options], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://{address}"
            asyncio.run(until(lambda: _answers(url, gateway), f"the S3 gateway (see {folder}/log)"))
            yield {
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_ENDPOINT_URL": url,
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            gateway.terminate()
            gateway.wait(timeout=30)


async def _answers(url: str, gateway: subprocess.Popen[bytes]) -> bool:
    assert gateway.poll() is None, "the S3 gateway ended at once"
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{url}/health")).is_success
    except httpx.HTTPError:
        return False
