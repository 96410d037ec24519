"""A real Kubernetes cluster for the tests: `python3 -m tests.cluster up`."""

from .kubectl import kubeconfig_path

__all__ = ["kubeconfig_path"]
