"""The demo's platform side: credentials, data, the three files, and the wait for them."""

import json
import os
import time
from typing import Any

from tests.cluster.kubeflow import profile
from tests.cluster.settings import Checkout
from tests.cluster.shell import step

from demo.kube import RELEASE_NAMESPACE, ROOT, get, kubectl, secret, service_address

NAMESPACE = "flights"
NAME = "arr-delay"
SAMPLES = ROOT / "manifests" / "samples" / "flights"
STORAGE_SECRET = "millwright-storage"  # noqa: S105
PATIENCE_SECONDS = 1200
KUBEFLOW = bool(os.environ.get("KUBEFLOW"))


def prepare() -> None:
    """The namespace, its storage Secret, and the data that the pipeline reads."""
    credentials = namespace_with_storage(NAMESPACE)
    endpoint = f"http://{service_address('millwright-storage', RELEASE_NAMESPACE)}:7070"
    os.environ.update(credentials | {"AWS_ENDPOINT_URL": endpoint})
    from flights.seed import seed  # pandas and boto3: only the demo's environment has them

    with step("336,776 flights are in S3"):
        seed("s3://data/flights")


def namespace_with_storage(namespace: str) -> dict[str, str]:
    """A namespace that admits restricted pods only, with a copy of the install's storage Secret, which is returned."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    credentials = secret(STORAGE_SECRET, RELEASE_NAMESPACE)
    for manifest in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": STORAGE_SECRET, "namespace": namespace},
            "stringData": credentials,
        },
    ):
        kubectl("apply", "-f", "-", input=json.dumps(manifest))
    if KUBEFLOW:
        profile.apply(Checkout(), namespace)
    return credentials


def apply(parameters: dict[str, str]) -> None:
    """`kubectl apply -k` of the samples, with changed parameters of the TrainingRun."""
    manifests = kubectl("kustomize", str(SAMPLES))
    for name, value in parameters.items():
        before = f"    {name}: "
        lines = [f'{before}"{value}"' if line.startswith(before) else line for line in manifests.splitlines()]
        manifests = "\n".join(lines)
    print(kubectl("apply", "-f", "-", input=manifests), end="")


def wait() -> None:
    """Follows the TrainingRun and the Deployment live until both are ready for the applied spec."""
    started, last = time.monotonic(), ""
    while True:
        run, served = get("trainingrun", NAME, NAMESPACE), get("modeldeployment", NAME, NAMESPACE)
        line = _line(run or {}, served or {})
        if line != last:
            print(f"  {time.monotonic() - started:5.0f} s  {line}", flush=True)
            last = line
        if _is_ready(run) and _is_ready(served) and _serves(run or {}, served or {}):
            return
        condition = _condition(run or {}, "Stalled")
        if condition.get("status") == "True" and _is_current(run or {}):
            raise SystemExit(f"the run will not get further: {condition['message']}")
        if time.monotonic() - started > PATIENCE_SECONDS:
            raise SystemExit(f"not ready after {PATIENCE_SECONDS} s: {line}")
        time.sleep(1)


def _line(run: dict[str, Any], served: dict[str, Any]) -> str:
    status = run.get("status", {})
    tasks = [t["name"] for t in status.get("tasks", []) if t["state"] == "Running"]
    progress = f"{status.get('progressPercentage', 0)} %"
    stable = served.get("status", {}).get("stable", {}).get("version", "nothing")
    deployment = _condition(served, "Ready")
    return (
        f"training {status.get('state', 'Pending')} {progress} {', '.join(tasks)} | serving version {stable}: "
        f"{deployment.get('reason', '')} {deployment.get('message', '')}"
    )


def _is_current(body: dict[str, Any]) -> bool:
    return bool(body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"])


def _is_ready(body: dict[str, Any] | None) -> bool:
    return body is not None and _condition(body, "Ready").get("status") == "True" and _is_current(body)


def _serves(run: dict[str, Any], served: dict[str, Any]) -> bool:
    """The served version is at least the one that the run made (approval is automatic here)."""
    stable = served["status"].get("stable", {}).get("version", "0")
    return int(stable) >= int(run["status"].get("modelVersion", "0"))


def _condition(body: dict[str, Any], kind: str) -> dict[str, Any]:
    found = (c for c in body.get("status", {}).get("conditions", []) if c["type"] == kind)
    return dict(next(found, {}))
