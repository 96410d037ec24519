"""etcd, API server, controllers and scheduler: plain processes of the host."""

from __future__ import annotations

from . import processes
from .kubectl import kubectl_succeeds
from .settings import API_ADDRESS, API_PORT, POD_NETWORK, SERVICE_NETWORK, Checkout
from .shell import wait_until

_ETCD_URL = "http://127.0.0.1:2379"


def up(checkout: Checkout) -> None:
    """Start what does not run, and wait for the API server."""
    commands = _commands(checkout)
    _start(checkout, "etcd", commands["etcd"])
    _start(checkout, "kube-apiserver", commands["kube-apiserver"])
    wait_until("API server is ready", lambda: kubectl_succeeds(checkout, "get", "--raw", "/readyz"), 60)
    # Only now: they end when there is no API server for them.
    for name in ("kube-controller-manager", "kube-scheduler"):
        _start(checkout, name, commands[name])


def down(checkout: Checkout) -> None:
    """Stop all, clients first."""
    for name in reversed(_commands(checkout)):
        processes.stop(checkout, name)


def _start(checkout: Checkout, name: str, flags: dict[str, object]) -> None:
    if not processes.of(checkout, name):
        words = [f"--{flag}={value}" for flag, value in flags.items()]
        processes.start(checkout, name, checkout.bin / name, *words)


def _commands(checkout: Checkout) -> dict[str, dict[str, object]]:
    return {
        "etcd": _etcd(checkout),
        "kube-apiserver": _api_server(checkout),
        "kube-controller-manager": _controllers(checkout),
        "kube-scheduler": _scheduler(checkout),
    }


def _etcd(checkout: Checkout) -> dict[str, object]:
    return {
        "data-dir": checkout.etcd,
        "unsafe-no-fsync": "true",  # a throw-away cluster; fsync dominates on slow disks
        "listen-client-urls": _ETCD_URL,
        "advertise-client-urls": _ETCD_URL,
        "listen-peer-urls": "http://127.0.0.1:2380",
        "log-level": "warn",
    }


def _api_server(checkout: Checkout) -> dict[str, object]:
    pki = checkout.pki
    return {
        "etcd-servers": _ETCD_URL,
        "bind-address": API_ADDRESS,
        "advertise-address": API_ADDRESS,
        "secure-port": API_PORT,
        "service-cluster-ip-range": SERVICE_NETWORK,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction,PodSecurity",
        "allow-privileged": "true",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "client-ca-file": pki / "ca.crt",
        "kubelet-client-certificate": pki / "admin.crt",
        "kubelet-client-key": pki / "admin.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        # Node names resolve nowhere; logs and exec go by address.
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "sa.pub",
        "service-account-signing-key-file": pki / "sa.key",
        # Aggregated API servers (metrics) are Services, reached at their pods.
        "enable-aggregator-routing": "true",
        "requestheader-client-ca-file": pki / "ca.crt",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": pki / "aggregator.crt",
        "proxy-client-key-file": pki / "aggregator.key",
    }


def _controllers(checkout: Checkout) -> dict[str, object]:
    pki = checkout.pki
    return {
        "kubeconfig": pki / "controllers.kubeconfig",
        "bind-address": "127.0.0.1",
        "cluster-cidr": POD_NETWORK,
        "service-account-private-key-file": pki / "sa.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        # Without it the controllers have one identity, and it may not create pods.
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        # A dead node is noticed in seconds, so that tests can wait for it.
        "node-monitor-period": "2s",
        "node-monitor-grace-period": "12s",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
    }


def _scheduler(checkout: Checkout) -> dict[str, object]:
    return {
        "kubeconfig": checkout.pki / "scheduler.kubeconfig",
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "kube-api-qps": 500,
        "kube-api-burst": 1000,
    }
