"""Everything that a campaign needs, started: the real servers, the proxies before them, and the operator between."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from tests.bench.control_plane import BIN, ControlPlane, control_plane, free_port
from tests.campaign import calls
from tests.campaign.api import Api, api
from tests.campaign.ledger import Ledger
from tests.campaign.proxy import Proxy
from tests.campaign.runner import IR
from tests.campaign.supervisor import Supervisor
from tests.campaign.tracking import Tracking, tracking
from tests.contract.mlflow_server import mlflow_server
from tests.contract.s3_server import s3_server

CONTROLLERS = (
    "garbage-collector-controller,job-controller,deployment-controller,replicaset-controller,namespace-controller"
)
READERS = {"kubernetes": calls.kubernetes, "mlflow": calls.mlflow, "s3": calls.s3}


@dataclass(frozen=True)
class Parts:
    """`api` and `mlflow` are past the proxies."""

    api: Api
    mlflow: Tracking
    objects: Any
    proxies: dict[str, Proxy]
    ledger: Ledger
    supervisor: Supervisor


@asynccontextmanager
async def parts(folder: Path) -> AsyncIterator[Parts]:
    """All of them; the operator is not started yet. Logs are in the folder."""
    async with AsyncExitStack() as stack:
        plane = stack.enter_context(control_plane())
        stack.enter_context(controllers(plane, folder))
        urls = {"kubernetes": _server(plane)}
        urls["mlflow"] = await _entered(stack, mlflow_server(_made(folder / "mlflow")))
        storage = await _entered(stack, s3_server(_made(folder / "s3")))
        urls["s3"] = storage["AWS_ENDPOINT_URL"]
        ports = {name: free_port() for name in READERS}
        supervisor = Supervisor(_environment(folder, plane, storage, ports), folder / "operator.log")
        ledger = Ledger()
        proxies = {name: Proxy(name, urls[name], READERS[name], ledger, supervisor.kill) for name in READERS}
        for name, proxy in proxies.items():
            await stack.enter_async_context(proxy.serving(ports[name]))
        direct = await stack.enter_async_context(api(plane.kubeconfig))
        mlflow = await stack.enter_async_context(tracking(urls["mlflow"]))
        yield Parts(direct, mlflow, _buckets(storage), proxies, ledger, supervisor)


@contextmanager
def controllers(plane: ControlPlane, folder: Path) -> Iterator[None]:
    """The controllers of Kubernetes that what the operator makes depends on."""
    flags = (
        f"--kubeconfig={plane.kubeconfig}",
        f"--controllers={CONTROLLERS}",
        f"--secure-port={free_port()}",
        f"--cert-dir={folder}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    with (folder / "controllers.log").open("w") as log:
        process = subprocess.Popen([BIN / "kube-controller-manager", *flags], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def _entered(stack: AsyncExitStack, manager: Any) -> Any:
    """A server of the contract suite's, which waits with an event loop of its own."""
    entered = await asyncio.to_thread(manager.__enter__)
    stack.push(manager.__exit__)
    return entered


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _server(plane: ControlPlane) -> str:
    server: str = json.loads(plane.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return server


def _environment(folder: Path, plane: ControlPlane, storage: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
    """Of the operator: it knows the proxies only."""
    config = json.loads(plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {"server": _local(ports["kubernetes"])}
    (folder / "kubeconfig").touch(mode=0o600)
    (folder / "kubeconfig").write_text(json.dumps(config))
    settings = {
        "images": {"runner": "played", "serving": "played"},
        "mlflow": {"trackingUri": _local(ports["mlflow"])},
        "lease": {"namespace": "default"},
        "storage": {"packages": "s3://models", "pipelines": ["s3://pipelines/"]},
        "metricsPort": free_port(),
        "healthPort": free_port(),
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    own = {"KUBECONFIG": folder / "kubeconfig", "MILLWRIGHT_SETTINGS_FILE": folder / "settings.yaml"}
    quick = {"PYTHONPYCACHEPREFIX": folder / "bytecode", "PYTHONDONTWRITEBYTECODE": ""}  # it starts very often
    named = {name: str(value) for name, value in (own | quick).items()}
    return named | storage | {"AWS_ENDPOINT_URL": _local(ports["s3"])}


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _buckets(storage: dict[str, str]) -> Any:
    """A client, past the proxy, of the gateway with its two buckets and the pipeline in S3."""
    client = boto3.client(
        "s3",
        endpoint_url=storage["AWS_ENDPOINT_URL"],
        aws_access_key_id=storage["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=storage["AWS_SECRET_ACCESS_KEY"],
        region_name=storage["AWS_DEFAULT_REGION"],
    )
    for bucket in ("models", "pipelines"):
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket="pipelines", Key="pipe.yaml", Body=IR.encode())
    return client
