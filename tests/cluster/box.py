"""The first process of a node: mounts, addresses, then containerd, kubelet and kube-proxy.

Started by `node.up` as `python3 -m tests.cluster.box <number>` in fresh namespaces.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .nodeconfig import SOCKET, VOLUMES
from .settings import BRIDGE_ADDRESS, MOST_NODES, POD_NETWORK, Checkout, Node
from .shell import run, wait_until


def main(index: str) -> None:
    """Boot the node and keep its programs running."""
    checkout, node = Checkout(), Node(int(index))
    run("hostname", node.name)
    _mount(checkout.node(node))
    _connect(node)
    _keep_running(_programs(checkout, node), checkout.logs)


def _mount(disk: Path) -> None:
    run("mount", "--make-rshared", "/")  # kubelet's volumes must reach containerd's containers
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for folder in ("/run/netns", "/run/lock", VOLUMES):
        Path(folder).mkdir()
    binds = {"cni": "/var/lib/cni", "kubelet": "/var/lib/kubelet", "log": "/var/log", "volumes": VOLUMES}
    for name, place in binds.items():
        run("mount", "--bind", disk / name, place)


def _connect(node: Node) -> None:
    wait_until("the cable is in", lambda: Path("/proc/sys/net/ipv4/conf/eth0").exists(), 10, every=0.02)
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{node.address}/24", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "route", "add", "default", "via", BRIDGE_ADDRESS)
    # The other nodes are neighbours; which of them there are is no matter.
    for other in map(Node, range(MOST_NODES)):
        if other != node:
            run("ip", "route", "add", other.pod_network, "via", other.address)
    for name in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables"):
        Path("/proc/sys/net", name).write_text("1")


def _programs(checkout: Checkout, node: Node) -> dict[str, list[str]]:
    disk = checkout.node(node)
    kubelet = {
        "config": disk / "kubelet.json",
        "kubeconfig": checkout.pki / f"{node.name}.kubeconfig",
        "node-ip": node.address,
        "hostname-override": node.name,
    }
    proxy = {
        "kubeconfig": checkout.pki / "proxy.kubeconfig",
        "hostname-override": node.name,
        "cluster-cidr": POD_NETWORK,
        "proxy-mode": "iptables",
        # 0: leave the connection tracker's limits alone, they are the host's.
        "conntrack-max-per-core": 0,
        "conntrack-tcp-timeout-established": 0,
        "conntrack-tcp-timeout-close-wait": 0,
    }
    return {
        "containerd": ["containerd", "--config", str(disk / "containerd.toml")],
        "kubelet": [str(checkout.bin / "kubelet"), *_flags(kubelet)],
        "kube-proxy": [str(checkout.bin / "kube-proxy"), *_flags(proxy)],
    }


def _flags(values: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _keep_running(programs: dict[str, list[str]], logs: Path) -> None:
    """Start all; then, as every first process must, reap orphans, and start again what ends."""
    running = {_start("containerd", programs["containerd"], logs): "containerd"}
    wait_until("containerd listens", Path(SOCKET).exists, 30)
    running |= {_start(name, programs[name], logs): name for name in ("kubelet", "kube-proxy")}
    while True:
        pid, _ = os.wait()
        if name := running.pop(pid, None):
            running[_start(name, programs[name], logs)] = name


def _start(name: str, command: list[str], logs: Path) -> int:
    log = str(logs / f"{os.uname().nodename}-{name}.log")
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Not subprocess: it reaps children of its own accord, and their end would go unnoticed.
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions)


if __name__ == "__main__":
    main(sys.argv[1])
