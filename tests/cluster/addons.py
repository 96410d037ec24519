"""What a bare cluster lacks: cluster DNS, a default StorageClass, and the GPU pool's labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import imagestore
from .gobuild import COREDNS, LOCAL_PATH
from .kubectl import kubectl
from .settings import PACKAGE, Checkout, Node

_GPU = "nvidia.com/gpu"
GPUS_PER_NODE = "2"
_SHELL_COMMANDS = ("sh", "mkdir", "rm", "cat", "ls", "id", "touch", "sleep", "wget", "nslookup")


def import_images(checkout: Checkout, nodes: list[Node]) -> None:
    """Make the images of pause, DNS and storage from programs of this machine; hand them out."""
    add = imagestore.add
    add("pause", {"catatonit": Path("/usr/bin/catatonit")}, Entrypoint=["/catatonit", "-P"])
    add("coredns", {"coredns": COREDNS.binary}, Entrypoint=["/coredns"])
    add("local-path-provisioner", {"provisioner": LOCAL_PATH.binary}, Entrypoint=["/provisioner"])
    links = {f"bin/{name}": "busybox" for name in _SHELL_COMMANDS}
    add("busybox", {"bin/busybox": Path("/bin/busybox"), **links}, Env=["PATH=/bin"], Cmd=["sh"])
    for node in nodes:
        for name in ("pause", "coredns", "local-path-provisioner", "busybox"):
            imagestore.import_into(checkout, node, name)


def apply(checkout: Checkout) -> None:
    """Install DNS and storage."""
    kubectl(checkout, "apply", "--server-side", "-f", PACKAGE / "manifests" / "addons")


def wait(checkout: Checkout) -> None:
    """Wait until DNS and storage are available."""
    for namespace, name in (("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner")):
        kubectl(checkout, "-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=120s")


def make_pools(checkout: Checkout, nodes: list[Node]) -> None:
    """node0 is the CPU pool; every further node the GPU pool, with GPUs that only exist on paper."""
    for node in nodes:
        pool = {"millwright.dev/pool": "gpu" if node.index else "cpu"}
        taints = [{"key": _GPU, "value": "present", "effect": "NoSchedule"}] if node.index else []
        _patch(checkout, node, {"metadata": {"labels": pool}} | ({"spec": {"taints": taints}} if taints else {}))
        if node.index:
            gpus = {_GPU: GPUS_PER_NODE}
            _patch(checkout, node, {"status": {"capacity": gpus, "allocatable": gpus}}, "--subresource=status")


def _patch(checkout: Checkout, node: Node, change: dict[str, Any], *flags: str) -> None:
    kubectl(checkout, "patch", "node", node.name, "--type=merge", *flags, "-p", json.dumps(change))
