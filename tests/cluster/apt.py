"""The Debian packages that a node on this machine consists of."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .shell import ClusterError, run, step

# A file that tells whether the package is there → the package.
_NODE = {
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/sbin/ipset": "ipset",
    "/usr/sbin/iptables": "iptables",
    "/usr/bin/socat": "socat",
    "/usr/sbin/ethtool": "ethtool",
    "/sbin/ip": "iproute2",
    "/sbin/modprobe": "kmod",
    "/usr/bin/openssl": "openssl",
    "/usr/bin/catatonit": "catatonit",
    "/bin/busybox": "busybox-static",
}
_IMAGES = {
    "/usr/bin/buildah": "buildah",
    "/usr/bin/mmdebstrap": "mmdebstrap",
}


def install_node_packages() -> None:
    """Install what a node needs and this machine lacks."""
    _install(_NODE)


def install_image_packages() -> None:
    """Install what building images without Docker needs."""
    _install(_IMAGES)


def require_debian_root() -> None:
    """Raises ClusterError, in one sentence, where no node can be made of this machine."""
    if sys.platform != "linux" or not shutil.which("apt-get") or os.geteuid():
        raise ClusterError(
            "There is no cluster for this machine yet: start Docker and install kind, "
            "or be root on Debian, or set CLUSTER=current to use your own."
        )


def _install(wanted: dict[str, str]) -> None:
    missing = sorted(package for path, package in wanted.items() if not Path(path).exists())
    if not missing:
        return
    with step(f"install {' '.join(missing)}"[:57]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=environment)
        run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing, env=environment)
