"""Certificates and kubeconfigs of a cluster, made with openssl."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from .settings import API_ADDRESS, API_PORT, KUBERNETES_SERVICE, Checkout, Node
from .shell import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_SERVICE = "kubernetes.default.svc"
_API_NAMES = ",".join(
    [f"DNS:{name}" for name in ("kubernetes", "kubernetes.default", _SERVICE, f"{_SERVICE}.cluster.local", "localhost")]
    + [f"IP:{address}" for address in ("127.0.0.1", KUBERNETES_SERVICE, API_ADDRESS)]
)
# File name → (subject, names it serves under).
_CONTROL_PLANE = {
    "apiserver": ("/CN=kube-apiserver", _API_NAMES),
    "admin": ("/O=system:masters/CN=admin", "DNS:admin"),
    "controllers": ("/CN=system:kube-controller-manager", "DNS:controllers"),
    "scheduler": ("/CN=system:kube-scheduler", "DNS:scheduler"),
    "proxy": ("/CN=system:kube-proxy", "DNS:proxy"),
    "aggregator": ("/CN=front-proxy", "DNS:aggregator"),
}


def make(checkout: Checkout, nodes: list[Node]) -> None:
    """Make what is missing: the authority, one certificate per component and node, kubeconfigs."""
    checkout.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    _authority(checkout.pki)
    _service_account_key(checkout.pki)
    for name, (subject, names) in (_CONTROL_PLANE | _node_certificates(nodes)).items():
        if not (checkout.pki / f"{name}.kubeconfig").exists():
            _certificate(checkout.pki, name, subject, names)
            _write_kubeconfig(checkout.pki / f"{name}.kubeconfig", checkout.pki, name)
    if not checkout.kubeconfig.exists():
        _write_kubeconfig(checkout.kubeconfig, checkout.pki, "admin")


def server(checkout: Checkout, name: str, names: str) -> tuple[Path, Path]:
    """Key and certificate of a server besides Kubernetes, made once."""
    key, certificate = (checkout.pki / f"{name}.{suffix}" for suffix in ("key", "crt"))
    if not certificate.exists():
        _certificate(checkout.pki, name, f"/CN={name}", names)
    return key, certificate


def _node_certificates(nodes: list[Node]) -> dict[str, tuple[str, str]]:
    return {
        node.name: (f"/O=system:nodes/CN=system:node:{node.name}", f"DNS:{node.name},IP:127.0.0.1,IP:{node.address}")
        for node in nodes
    }


def _authority(pki: Path) -> None:
    if not (pki / "ca.crt").exists():
        subject = ("-subj", "/CN=millwright-cluster", "-days", "365")
        run("openssl", "req", "-x509", *_KEY, *subject, "-keyout", pki / "ca.key", "-out", pki / "ca.crt")


def _service_account_key(pki: Path) -> None:
    if not (pki / "sa.pub").exists():
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        run("openssl", "genpkey", *curve, "-out", pki / "sa.key")
        run("openssl", "pkey", "-in", pki / "sa.key", "-pubout", "-out", pki / "sa.pub")


def _certificate(pki: Path, name: str, subject: str, names: str) -> None:
    request, extensions = pki / f"{name}.csr", pki / f"{name}.ext"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
    run("openssl", "req", *_KEY, "-subj", subject, "-keyout", pki / f"{name}.key", "-out", request)
    authority = ("-CA", pki / "ca.crt", "-CAkey", pki / "ca.key", "-CAcreateserial", "-days", "365")
    run(*("openssl", "x509", "-req", "-in", request, *authority, "-extfile", extensions), "-out", pki / f"{name}.crt")
    request.unlink()
    extensions.unlink()


def _write_kubeconfig(path: Path, pki: Path, name: str) -> None:
    """A kubeconfig with everything in it: it may be copied. JSON is YAML."""

    def embedded(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    server = {"server": f"https://{API_ADDRESS}:{API_PORT}", "certificate-authority-data": embedded("ca.crt")}
    user = {"client-certificate-data": embedded(f"{name}.crt"), "client-key-data": embedded(f"{name}.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "millwright", "cluster": server}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "millwright", "context": {"cluster": "millwright", "user": name}}],
        "current-context": "millwright",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2) + "\n")
