"""The installed platform and the cluster it is in."""

import json
import os
import urllib.request
from typing import Any

from demo.kube import RELEASE_NAMESPACE, kubectl, service_address
from tests.cluster import kubeconfig_path


def connect() -> None:
    """Lets Python's clients find the cluster; before they are imported."""
    os.environ["KUBECONFIG"] = str(kubeconfig_path())


def mlflow(path: str, body: dict[str, Any], method: str = "POST") -> None:
    """A call of the installed MLflow's REST API 2.0."""
    url = f"http://{service_address('millwright-mlflow', RELEASE_NAMESPACE)}/api/2.0/mlflow/{path}"
    headers = {"Host": "localhost", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request, timeout=30).close()


def apply(*manifests: dict[str, Any]) -> None:
    """`kubectl apply`, all at once."""
    kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))
