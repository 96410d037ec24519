"""Which cluster it is: your own, kind, or one made of this machine."""

from __future__ import annotations

import os

from . import components, kind, local, processes
from . import images as image_builds
from .kubectl import kubectl
from .settings import Checkout
from .shell import ClusterError, run


def up(checkout: Checkout) -> None:
    """CLUSTER=current → the current context; a Docker engine and kind → kind; else this machine."""
    if _is_current():
        components.refuse()
        _copy_kubeconfig(checkout)
    elif kind.is_usable():
        components.refuse()
        kind.up(checkout)
    else:
        local.up(checkout)
        components.up(checkout)


def down(checkout: Checkout) -> None:
    """Take the cluster away; your own is only forgotten."""
    if _is_current():
        checkout.kubeconfig.unlink(missing_ok=True)
    elif kind.is_usable():
        kind.down(checkout)
    else:
        local.down(checkout)


def status(checkout: Checkout) -> None:
    """Print the nodes, or what there is instead of a cluster."""
    for name in sorted({process.name for process in processes.of(checkout)}):
        print(f"{name}: runs")
    if checkout.kubeconfig.exists():
        print(kubectl(checkout, "get", "nodes", "-o", "wide"), end="")
    else:
        print("\n".join(local.leftovers(checkout)) or "no cluster")


def images(checkout: Checkout) -> None:
    """Build the project's images and hand them to the cluster."""
    if _is_current():
        raise ClusterError("CLUSTER=current: push the images to a registry that your cluster pulls from.")
    image_builds.build_and_import(checkout)


def _is_current() -> bool:
    return os.environ.get("CLUSTER") == "current"


def _copy_kubeconfig(checkout: Checkout) -> None:
    checkout.state.mkdir(exist_ok=True)
    checkout.kubeconfig.touch(mode=0o600)
    checkout.kubeconfig.write_text(run("kubectl", "config", "view", "--raw", "--minify", "--flatten"))
