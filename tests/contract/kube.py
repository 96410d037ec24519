"""kubectl and a namespace on the local cluster."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from tests.cluster import kubeconfig_path


def kubectl(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs kubectl to its end, whatever that is."""
    own = kubeconfig_path().parent / "bin" / "kubectl"
    program = str(own) if own.exists() else shutil.which("kubectl") or "kubectl"
    command = [program, "--kubeconfig", str(kubeconfig_path()), "--request-timeout=30s", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def dry_run(manifest: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """The API server's judgement of an apply, with unknown fields refused."""
    words = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    return kubectl(*words, stdin=json.dumps(manifest))


def assert_admitted(manifest: Mapping[str, Any]) -> None:
    """The API server takes it."""
    judged = dry_run(manifest)
    assert judged.returncode == 0, judged.stderr


def assert_refused(manifest: Mapping[str, Any], words: str) -> None:
    """The API server does not take it, and says so."""
    judged = dry_run(manifest)
    assert judged.returncode != 0, judged.stdout
    assert words in judged.stderr


@contextmanager
def own_namespace() -> Iterator[str]:
    """A namespace that is gone afterwards. Without a cluster the tests fail, and say what to do."""
    name = f"contract-{uuid4().hex[:8]}"
    if kubectl("create", "namespace", name).returncode != 0:
        raise AssertionError("no cluster answers: run `make cluster`, `make images` and `make install`")
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")
