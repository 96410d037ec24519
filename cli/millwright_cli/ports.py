"""The outside world as the commands see it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from millwright_cli.core.kinds import Kind, Manifest
from millwright_cli.core.version_facts import Registered


class Cluster(Protocol):
    """The Kubernetes API, with the rights of the person. All methods raise Failure, and Unavailable."""

    @property
    def namespace(self) -> str:
        """The one that the kubeconfig's context names."""

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Raises NotFound."""

    def list(self, kind: Kind, namespace: str, selector: str = "") -> Sequence[Manifest]:
        """All objects of the kind in the namespace that the label selector chooses."""

    def patch(self, kind: Kind, namespace: str, name: str, patch: Manifest) -> None:
        """A merge patch. Raises Conflict where its `metadata.resourceVersion` is not the object's any more."""

    def create(self, kind: Kind, namespace: str, manifest: Manifest) -> str:
        """Makes an object. Returns its name."""

    def log(self, namespace: str, pod: str, container: str, follow: bool) -> Iterator[str]:
        """Lines of a container's log; with `follow` until it ends. Raises NotStarted."""


class Registry(Protocol):
    """MLflow. Raises Failure, and Unavailable."""

    def version(self, model: str, version: str) -> Registered:
        """A version of a registered model, with its run. Raises NotFound."""
