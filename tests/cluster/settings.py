"""Everything that is fixed: versions, addresses and folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parents[1]
CACHE = Path(os.environ.get("MILLWRIGHT_CACHE") or Path.home() / ".cache" / "millwright")
OWNER = CACHE / "cluster-owner"

MOST_NODES = 8
KUBERNETES_VERSION = "v1.36.3"
KIND_NODE_IMAGE = f"kindest/node:{KUBERNETES_VERSION}"

# On the host's loopback: the API server may not advertise 127.x, and pods reach this one without NAT.
API_ADDRESS = "172.31.255.1"
API_PORT = 6443
BRIDGE = "millwright0"
BRIDGE_ADDRESS = "172.31.254.1"
NODE_NETWORK = "172.31.254.0/24"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"

# What manifests call the images the cluster itself needs.
REGISTRY = "millwright.local"
PAUSE_IMAGE = f"{REGISTRY}/pause:dev"


@dataclass(frozen=True)
class Node:
    """One node: a box of namespaces on this machine, numbered from 0."""

    index: int

    @property
    def name(self) -> str:
        return f"node{self.index}"

    @property
    def address(self) -> str:
        return f"172.31.254.{10 + self.index}"

    @property
    def pod_network(self) -> str:
        return f"10.244.{self.index}.0/24"

    @property
    def link(self) -> str:
        """The host's end of the node's cable."""
        return f"millwright-n{self.index}"

    @property
    def cgroup(self) -> str:
        return f"millwright-{self.name}"

    @property
    def images(self) -> Path:
        """containerd's store; outlives the cluster, because importing gigabytes is slow."""
        return CACHE / "containerd" / self.name


@dataclass(frozen=True)
class Checkout:
    """The state one checkout keeps about its cluster, all of it below `.cluster/`."""

    root: Path = ROOT

    @property
    def state(self) -> Path:
        return self.root / ".cluster"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def bin(self) -> Path:
        return self.state / "bin"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def etcd(self) -> Path:
        return self.state / "etcd"

    @property
    def sysctls(self) -> Path:
        return self.state / "sysctls.json"

    def node(self, node: Node) -> Path:
        return self.state / "nodes" / node.name

    def nodes(self) -> list[Node]:
        """The nodes that this checkout has made."""
        folder = self.state / "nodes"
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return sorted((Node(int(name.removeprefix("node"))) for name in names), key=lambda n: n.index)

    def wanted_nodes(self) -> list[Node]:
        """As many as NODES asks for, else those there are, else one."""
        asked = os.environ.get("NODES")
        return [Node(i) for i in range(int(asked))] if asked else self.nodes() or [Node(0)]
