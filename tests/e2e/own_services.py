"""What a platform team may bring itself: S3 with a key for each, and the Secrets that tell of it."""

import json
from typing import Any

from demo.kube import kubectl, service_address
from tests.contract import s3_rights
from tests.contract.s3_rights import Environment

REGION = "us-east-1"
ROOT = {"AWS_ACCESS_KEY_ID": "root", "AWS_SECRET_ACCESS_KEY": "root-of-the-e2e-tests", "AWS_DEFAULT_REGION": REGION}
ARGUMENTS = ["--port", ":7070", "--region", REGION, "--health", "/health", "--iam-dir", "/users", "posix", "/data"]
FOLDERS = ("data", "users", "tmp")
SECURITY = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}


def namespace(name: str) -> None:
    """A namespace that may be there."""
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def secret(namespace: str, name: str, values: dict[str, str]) -> None:
    """A Secret with these values."""
    metadata = {"name": name, "namespace": namespace}
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})


def apply(*manifests: dict[str, Any]) -> None:
    """`kubectl apply`, all at once."""
    kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))


def s3(namespace: str) -> Environment:
    """An S3 that can have users, empty; what its root reaches it with."""
    labels, metadata = {"app": "s3"}, {"name": "s3", "namespace": namespace}
    container = {
        "name": "versitygw",
        "image": "millwright.local/versitygw:dev",
        "imagePullPolicy": "IfNotPresent",
        "args": ARGUMENTS,
        "env": [
            {"name": "ROOT_ACCESS_KEY", "value": ROOT["AWS_ACCESS_KEY_ID"]},
            {"name": "ROOT_SECRET_KEY", "value": ROOT["AWS_SECRET_ACCESS_KEY"]},
        ],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 7070}, "periodSeconds": 1},
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in FOLDERS],
    }
    pod = {
        "securityContext": SECURITY,
        "containers": [container],
        "volumes": [{"name": name, "emptyDir": {}} for name in FOLDERS],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    ports = {"selector": labels, "ports": [{"port": 7070}]}
    apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports},
    )
    kubectl("rollout", "status", "deployment/s3", "-n", namespace, "--timeout=120s")
    return ROOT | {"AWS_ENDPOINT_URL": f"http://{service_address('s3', namespace)}:7070"}


def s3_users(root: Environment, team: str) -> dict[str, Environment]:
    """Buckets `packages` and `artifacts`, and users that may do what they need there: mlflow, operator, and a team."""
    users = {name: s3_rights.user(root, name) for name in ("mlflow", "operator", team)}
    packages = (
        *s3_rights.of_a_namespace(users[team], "packages", team),
        *s3_rights.of_the_operator(users["operator"], "packages"),
    )
    s3_rights.bucket(root, "packages", *packages)
    s3_rights.bucket(root, "artifacts", *s3_rights.of_mlflow(users["mlflow"], "artifacts"))
    return users
