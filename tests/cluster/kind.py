"""The cluster where a Docker engine answers: kind."""

from __future__ import annotations

import shutil

from .imagestore import reference
from .settings import KIND_NODE_IMAGE, PACKAGE, Checkout
from .shell import run, step, succeeds

_CLUSTER = ("--name", "millwright")


def is_usable() -> bool:
    """Whether a Docker engine answers and kind is installed."""
    return shutil.which("kind") is not None and succeeds("docker", "info")


def up(checkout: Checkout) -> None:
    """Create the cluster unless there is one, and write its kubeconfig."""
    checkout.state.mkdir(exist_ok=True)
    if not exists():
        config = PACKAGE / "manifests" / "kind.yaml"
        with step("create a kind cluster"):
            run("kind", "create", "cluster", *_CLUSTER, "--image", KIND_NODE_IMAGE, "--config", config, "--wait=120s")
    checkout.kubeconfig.write_text(run("kind", "get", "kubeconfig", *_CLUSTER))


def down(checkout: Checkout) -> None:
    """Delete the cluster."""
    run("kind", "delete", "cluster", *_CLUSTER)
    checkout.kubeconfig.unlink(missing_ok=True)


def exists() -> bool:
    """Whether kind knows our cluster."""
    return "millwright" in run("kind", "get", "clusters", check=False).split()


def load_image(name: str) -> None:
    """Copy an image from the Docker engine into the cluster."""
    run("kind", "load", "docker-image", reference(name), *_CLUSTER)
