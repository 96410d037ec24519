"""kubectl and helm as this checkout's cluster wants them. Standard library only."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".cluster"
RELEASE_NAMESPACE = "millwright"


def kubectl(*words: str, **options: Any) -> str:
    """What kubectl prints. Raises subprocess.CalledProcessError, with kubectl's own words on standard error."""
    return _run(_tool("kubectl"), *words, **options)


def get(kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    """An object, or None."""
    text = kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
    return dict(json.loads(text)) if text else None


def helm(*words: str) -> str:
    """What helm prints."""
    return _run(_tool("helm"), *words)


def secret(name: str, namespace: str) -> dict[str, str]:
    """The decoded values of a Secret. Raises LookupError where there is none."""
    body = get("secret", name, namespace)
    if body is None:
        raise LookupError(f"there is no Secret {name} in namespace {namespace}")
    return {key: base64.b64decode(value).decode() for key, value in body["data"].items()}


def service_address(name: str, namespace: str) -> str:
    """The ClusterIP of a Service."""
    body = get("service", name, namespace)
    if body is None:
        raise LookupError(f"there is no Service {name} in namespace {namespace}")
    return str(body["spec"]["clusterIP"])


def _tool(name: str) -> str:
    own = STATE / "bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is missing: run `make cluster`, or install {name}")
    return found


def _run(*words: str, **options: Any) -> str:
    environment = os.environ | {"KUBECONFIG": str(STATE / "kubeconfig")}
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment, **options)
    return str(done.stdout)
