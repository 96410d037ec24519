"""The configuration files of a node's containerd, CNI plugins and kubelet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .settings import DNS_SERVICE, PAUSE_IMAGE, Checkout, Node

SOCKET = "/run/containerd/containerd.sock"
# Inside the node; outside `.cluster/nodes/<name>/volumes`.
VOLUMES = "/run/volumes"

_CONTAINERD = """\
version = 2
root = "{root}"
state = "/run/containerd"
disabled_plugins = [{disabled}]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE a lower score is refused and no sandbox starts.
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def write(checkout: Checkout, node: Node) -> None:
    """Write the node's files and make its folders."""
    folder = checkout.node(node)
    # The addresses that the last boot gave out: all its pods are gone.
    shutil.rmtree(folder / "cni", ignore_errors=True)
    for name in ("cni", "cni.d", "kubelet", "log", "volumes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    node.images.mkdir(parents=True, exist_ok=True)
    (folder / "containerd.toml").write_text(_containerd(node, folder / "cni.d"))
    (folder / "cni.d" / "10-pods.conflist").write_text(json.dumps(_pod_network(node)))
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(checkout, node)))


def _containerd(node: Node, cni: Path) -> str:
    unused = ", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in ("aufs", "btrfs", "devmapper", "zfs"))
    return _CONTAINERD.format(root=node.images, disabled=unused, socket=SOCKET, pause=PAUSE_IMAGE, cni=cni)


def _pod_network(node: Node) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": node.pod_network}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}


def _kubelet(checkout: Checkout, node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(checkout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(checkout.pki / f"{node.name}.crt"),
        "tlsPrivateKeyFile": str(checkout.pki / f"{node.name}.key"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "resolvConf": "/etc/resolv.conf",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "4s",
        # Until a pod sees that a mounted Secret has changed: Kueue makes one at its start and waits for it.
        "syncFrequency": "10s",
        # The disk is the machine's, and images that tests count on stay.
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    }
