"""The cluster made of this machine alone: up, down, and what is left of it."""

from __future__ import annotations

import shutil

from . import addons, apt, cgroups, controlplane, gobuild, network, node, owner, pki
from .kubectl import kubectl
from .settings import Checkout, Node
from .shell import ClusterError, step, succeeds, wait_until


def up(checkout: Checkout) -> None:
    """Start whatever of the cluster does not run; on a healthy one this is a matter of seconds."""
    apt.require_debian_root()
    if other := owner.previous(checkout):
        with step(f"take down what {other.root.name} left"):
            down(other)
    owner.take(checkout)
    apt.install_node_packages()
    gobuild.build(gobuild.NODE_PROGRAMS)
    gobuild.link(checkout)
    nodes = checkout.wanted_nodes()
    with step("network and certificates"):
        _load_kernel_modules()
        network.up(checkout)
        pki.make(checkout, nodes)
    with step("control plane"):
        controlplane.up(checkout)
    _up_nodes(checkout, nodes)


def _up_nodes(checkout: Checkout, nodes: list[Node]) -> None:
    with step(f"boot {' and '.join(n.name for n in nodes)}"):
        for each in nodes:
            node.up(checkout, each)
    with step("images of the cluster itself"):
        addons.import_images(checkout, nodes)
    with step("nodes ready"):
        wait_until("nodes are ready", lambda: _ready(checkout) >= {n.name for n in nodes}, 60)
        addons.make_pools(checkout, nodes)
    with step("DNS and storage"):
        addons.apply(checkout)
        addons.wait(checkout)


def down(checkout: Checkout) -> None:
    """Stop everything and forget the cluster; ClusterError names what could not be removed."""
    for each in checkout.nodes():
        node.down(checkout, each)
    controlplane.down(checkout)
    network.down(checkout)
    node.remove_mount_points()
    left = leftovers(checkout)
    if left:
        raise ClusterError("Still there:\n  " + "\n  ".join(left))
    _delete_state(checkout)
    owner.release(checkout)


def leftovers(checkout: Checkout) -> list[str]:
    """Every trace of a cluster on this machine, by name; the cache and the logs are none."""
    return node.leftovers() + cgroups.leftovers() + network.leftovers(checkout)


def _delete_state(checkout: Checkout) -> None:
    """All but the logs: they tell why a test failed."""
    for path in checkout.state.iterdir() if checkout.state.exists() else ():
        if path == checkout.logs:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _ready(checkout: Checkout) -> set[str]:
    path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
    lines = kubectl(checkout, "get", "nodes", "-o", f"jsonpath={path}").splitlines()
    return {line.removesuffix("=True") for line in lines if line.endswith("=True")}


def _load_kernel_modules() -> None:
    for module in ("overlay", "br_netfilter"):
        succeeds("modprobe", module)  # built in on some kernels
