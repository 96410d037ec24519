"""etcd and an API server of the benchmark's own, without nodes and controllers: no other operator sees its objects."""

import json
import secrets
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import cpu_seconds
from tests.cluster import gobuild
from tests.cluster.settings import Checkout

ROOT = Path(__file__).resolve().parents[2]
BIN = Checkout().bin
PROGRAMS = (gobuild.KUBERNETES, gobuild.ETCD)
CRDS = ROOT / "manifests" / "crds"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class ControlPlane:
    """A running one."""

    kubeconfig: Path
    processes: tuple["subprocess.Popen[bytes]", ...]

    def cpu_seconds(self) -> float:
        """Of etcd and the API server."""
        return sum(cpu_seconds(process.pid) for process in self.processes)

    def kubectl(self, *words: str) -> str:
        """What kubectl prints."""
        command = [str(BIN / "kubectl"), "--kubeconfig", str(self.kubeconfig), *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def control_plane() -> Iterator[ControlPlane]:
    """With our CRDs. Its programs are the local cluster's, built where they are missing; it needs no cluster."""
    gobuild.build(PROGRAMS)
    gobuild.link(Checkout(), PROGRAMS)
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as name:
        folder = Path(name)
        etcd = _start(folder, "etcd", _etcd(folder, (etcd_port := free_port())))
        api = _start(folder, "kube-apiserver", _api_server(folder, etcd_port, (port := free_port())))
        try:
            _wait(f"https://127.0.0.1:{port}/readyz", folder)
            plane = ControlPlane(_kubeconfig(folder, port), (etcd, api))
            plane.kubectl("apply", "--server-side", "-k", str(CRDS))
            plane.kubectl("wait", "--for=condition=Established", "crd", "--all")
            for plural in (path.stem for path in CRDS.glob("*s.yaml")):
                _wait(f"https://127.0.0.1:{port}/apis/millwright.dev/v1alpha1/{plural}", folder)
            yield plane
        finally:
            for process in (api, etcd):
                process.kill()
                process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(folder: Path, name: str, flags: dict[str, object]) -> "subprocess.Popen[bytes]":
    words = [f"--{flag}={value}" for flag, value in flags.items()]
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen([str(BIN / name), *words], stdout=log, stderr=log, cwd=folder, start_new_session=True)


def _etcd(folder: Path, port: int) -> dict[str, object]:
    url, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
    return {
        "data-dir": folder / "etcd",
        "unsafe-no-fsync": "true",
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
        "log-level": "error",
    }


def _api_server(folder: Path, etcd_port: int, port: int) -> dict[str, object]:
    key = folder / "sa.key"
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f'{_token(folder)},bench,bench,"system:masters"\n')
    return {
        "etcd-servers": f"http://127.0.0.1:{etcd_port}",
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": folder,
        "token-auth-file": folder / "tokens.csv",
        "service-account-issuer": "https://bench",
        "service-account-key-file": key,
        "service-account-signing-key-file": key,
        "service-cluster-ip-range": "10.0.0.0/16",
        "authorization-mode": "RBAC",
        "disable-admission-plugins": "ServiceAccount",
    }


def _token(folder: Path) -> str:
    file = folder / "token"
    if not file.exists():
        file.write_text(secrets.token_hex(16))
    return file.read_text()


def _wait(url: str, folder: Path) -> None:
    trusting = ssl._create_unverified_context()  # its certificate is a second old and its own
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {_token(folder)}"})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5, context=trusting):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                log = (folder / "kube-apiserver.log").read_text()[-2000:]
                raise SystemExit(f"the API server does not answer:\n{log}") from None
            time.sleep(0.2)


def _kubeconfig(folder: Path, port: int) -> Path:
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "bench", "user": {"token": _token(folder)}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "current-context": "bench",
    }
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path
