"""The host's part of the network: a bridge, one address, routes and a few iptables rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .settings import (
    API_ADDRESS,
    BRIDGE,
    BRIDGE_ADDRESS,
    NODE_NETWORK,
    POD_NETWORK,
    SERVICE_NETWORK,
    Checkout,
    Node,
)
from .shell import run, succeeds

# A bridge without an address of its own takes one from its ports: when a node goes, the others
# would send to a stale neighbour entry for a minute.
_BRIDGE_MAC = "02:4d:57:00:00:01"
_COMMENT = "millwright-cluster"
_RULES = (
    # To the outside under the host's address; between host, nodes and pods no translation.
    *(
        f"-t nat POSTROUTING -s {network} ! -o {BRIDGE} -j MASQUERADE".split()
        for network in (POD_NETWORK, NODE_NETWORK)
    ),
    # A host with Docker drops what it forwards by default.
    f"-t filter FORWARD -i {BRIDGE} -j ACCEPT".split(),
    f"-t filter FORWARD -o {BRIDGE} -j ACCEPT".split(),
)
# Written by us (the first) or by kubelet, which means the host's own where they have no namespace.
_SYSCTLS = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def up(checkout: Checkout) -> None:
    """Make bridge, address and rules; what is there stays."""
    _save_sysctls(checkout)
    _sysctl("net/ipv4/ip_forward").write_text("1")
    run("ip", "address", "replace", f"{API_ADDRESS}/32", "dev", "lo")
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        run("ip", "link", "add", BRIDGE, "address", _BRIDGE_MAC, "type", "bridge")
    run("ip", "address", "replace", f"{BRIDGE_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    for rule in _RULES:
        if not _iptables("-C", rule):
            _iptables("-I", rule)


def route_to_node(node: Node) -> None:
    """Reach the node's pods from here and, through node0's kube-proxy, all Services."""
    run("ip", "route", "replace", node.pod_network, "via", node.address)
    if node.index == 0:
        run("ip", "route", "replace", SERVICE_NETWORK, "via", node.address)


def down(checkout: Checkout) -> None:
    """Take everything away; the routes go with the bridge, the cables with their nodes."""
    succeeds("ip", "link", "delete", BRIDGE)
    succeeds("ip", "address", "delete", f"{API_ADDRESS}/32", "dev", "lo")
    for rule in _RULES:
        while _iptables("-D", rule):
            pass
    succeeds("conntrack", "-D", "-d", SERVICE_NETWORK)
    _restore_sysctls(checkout)


def leftovers(checkout: Checkout) -> list[str]:
    """What of ours is still there."""
    links = [f"interface {path.name}" for path in Path("/sys/class/net").glob("millwright*")]
    address = [f"address {API_ADDRESS}"] if API_ADDRESS in run("ip", "address", "show", "dev", "lo") else []
    networks = (POD_NETWORK.split(".0.0")[0], NODE_NETWORK.split(".0/")[0], SERVICE_NETWORK.split(".0.0")[0])
    routes = [f"route {line}" for line in run("ip", "route").splitlines() if line.startswith(networks)]
    tables = "".join(run("iptables-save", "-t", table) for table in ("nat", "filter") if shutil.which("iptables-save"))
    rules = [f"iptables {line}" for line in tables.splitlines() if _COMMENT in line]
    changed = [f"sysctl {name}" for name, value in _saved(checkout).items() if _sysctl(name).read_text() != value]
    return links + address + routes + rules + changed


def _iptables(verb: str, rule: list[str]) -> bool:
    table, chain, match = rule[:2], rule[2], rule[3:]
    return succeeds("iptables", "-w", *table, verb, chain, "-m", "comment", "--comment", _COMMENT, *match)


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name


def _saved(checkout: Checkout) -> dict[str, str]:
    return json.loads(checkout.sysctls.read_text()) if checkout.sysctls.exists() else {}


def _save_sysctls(checkout: Checkout) -> None:
    if not checkout.sysctls.exists():
        values = {name: _sysctl(name).read_text() for name in _SYSCTLS if _sysctl(name).exists()}
        checkout.state.mkdir(parents=True, exist_ok=True)
        checkout.sysctls.write_text(json.dumps(values))


def _restore_sysctls(checkout: Checkout) -> None:
    for name, value in _saved(checkout).items():
        _sysctl(name).write_text(value)
