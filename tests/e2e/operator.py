"""The installed operator's pod, and its end."""

from demo.kube import RELEASE_NAMESPACE, kubectl
from tests.e2e.conftest import eventually


def pod() -> str:
    """Its name, while it runs; empty while there is none."""
    label = "app.kubernetes.io/component=operator"
    running = "--field-selector=status.phase=Running"
    names = kubectl("get", "pods", "-n", RELEASE_NAMESPACE, "-l", label, running, "-o", "name").split()
    return names[0].removeprefix("pod/") if names else ""


def killed() -> None:
    """Kills it, with nothing said to it before, and returns when another one runs."""
    before = pod()
    kubectl("delete", "pod", before, "-n", RELEASE_NAMESPACE, "--grace-period=0", "--force")
    eventually("another operator runs", lambda: pod() not in ("", before), seconds=60)
