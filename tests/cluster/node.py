"""A node: a box of namespaces on this machine with containerd, kubelet and kube-proxy in it.

Killing the box takes all that runs in it along, and with its network namespace its cable,
addresses and iptables rules: nothing is to be cleaned up by hand.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from . import cgroups, network, nodeconfig, processes
from .settings import BRIDGE, CACHE, Checkout, Node
from .shell import run, wait_until

# A new /proc but the host's /sys: in one mounted for the namespace the cgroups would be missing.
_BOX = ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]
_MOUNT_POINTS = (Path("/var/lib/cni"), Path("/var/lib/kubelet"))


def up(checkout: Checkout, node: Node) -> None:
    """Start the node unless it runs."""
    if not is_up(checkout, node):
        down(checkout, node)
        nodeconfig.write(checkout, node)
        cgroups.make(node)
        for folder in _MOUNT_POINTS:
            folder.mkdir(exist_ok=True)
        processes.start(checkout, node.name, *_BOX, sys.executable, "-m", f"{__package__}.box", str(node.index))
        _plug_in(node, _first_process(checkout, node))
    network.route_to_node(node)


def is_up(checkout: Checkout, node: Node) -> bool:
    """Whether the node's box is there and on the network."""
    return bool(processes.of(checkout, node.name)) and Path(f"/sys/class/net/{node.link}").exists()


def down(checkout: Checkout, node: Node) -> None:
    """Kill the node as a power cut would; its image store stays."""
    processes.stop(checkout, node.name)
    wait_until(f"{node.link} goes", lambda: not Path(f"/sys/class/net/{node.link}").exists(), 20, every=0.02)
    cgroups.remove(node)


def remove_mount_points() -> None:
    """Remove the folders that nodes mount over, unless something else uses them."""
    for folder in _MOUNT_POINTS:
        with suppress(OSError):
            folder.rmdir()


def forget(checkout: Checkout, node: Node) -> None:
    """Delete the node's disk."""
    shutil.rmtree(checkout.node(node))


def enter(checkout: Checkout, node: Node, *command: str | Path, **options) -> str:
    """Run a command inside the node."""
    return run(*_way_in(checkout, node), *command, **options)


def pipe_into(checkout: Checkout, node: Node, *command: str) -> subprocess.Popen[bytes]:
    """Start a command inside the node, its input a pipe; leaving the context waits for its end."""
    words = [*_way_in(checkout, node), *command]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def ctr(checkout: Checkout, node: Node, *words: str | Path, **options) -> str:
    """Talk to the node's containerd, in the namespace that kubelet uses."""
    return enter(checkout, node, "ctr", "-n", "k8s.io", *words, **options)


def leftovers() -> list[str]:
    """Mounts that refer to a node, and processes of any cluster."""
    places = (".cluster/", str(CACHE))
    lines = Path("/proc/mounts").read_text().splitlines()
    mounts = [f"mount {line.split()[1]}" for line in lines if any(place in line for place in places)]
    return mounts + [f"process {p.pid} ({p.name} of {p.checkout})" for p in processes.marked()]


def _way_in(checkout: Checkout, node: Node) -> list[str]:
    return f"nsenter -t {_first_process(checkout, node)} -m -p -n -u --".split()


def _first_process(checkout: Checkout, node: Node) -> int:
    return wait_until(f"{node.name} boots", lambda: _pid_1(checkout, node), 10, every=0.02)


def _pid_1(checkout: Checkout, node: Node) -> int | None:
    for process in processes.of(checkout, node.name):
        with suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if len(numbers) == 2 and numbers[1] == "1":
                return process.pid
    return None


def _plug_in(node: Node, pid: int) -> None:
    """Lay the cable; the box waits for its end and gives it an address."""
    run(*f"ip link add {node.link} type veth peer name eth0 netns {pid}".split())
    run(*f"ip link set {node.link} master {BRIDGE} up".split())
