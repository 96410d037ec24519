"""Installs the chart on this checkout's cluster: `python3 -m demo.install`. Again, it changes only what differs."""

import os

from tests.cluster import gobuild, imagestore
from tests.cluster.settings import Checkout
from tests.cluster.shell import step

from demo.kube import RELEASE_NAMESPACE, ROOT, helm, kubectl

PROMETHEUS = "http://prometheus.monitoring:9090"
PARTS = ("millwright-storage", "millwright-mlflow", "millwright-operator")


def install() -> None:
    """helm upgrade --install, with a Helm of the pinned version, and everything ready."""
    gobuild.build((gobuild.HELM,))
    gobuild.link(Checkout(), (gobuild.HELM,))
    with step("helm upgrade --install millwright"):
        chart = str(ROOT / "charts" / "millwright")
        annotation = f"operator.podAnnotations.millwright\\.dev/image={_image()}"
        target = ("-n", RELEASE_NAMESPACE, "--create-namespace")
        helm("upgrade", "--install", "millwright", chart, *target, "--set-string", annotation, *_values())
    with step("operator, MLflow and S3 are ready"):
        for name in PARTS:
            kubectl("rollout", "status", f"deployment/{name}", "-n", RELEASE_NAMESPACE, "--timeout=300s")


def _values() -> list[str]:
    """Values for what the local cluster has: its node pools, and what KUBEFLOW=1, KUEUE=1 and GATEWAY=1 added."""
    files = ["node-pools.yaml"] if Checkout().nodes() else []
    files += ["kubeflow.yaml"] if os.environ.get("KUBEFLOW") else []
    kueue = ["--set", "kueue.enabled=true"] if os.environ.get("KUEUE") else []
    prometheus = ["--set", f"prometheus.url={PROMETHEUS}"] if os.environ.get("GATEWAY") else []
    return [f"--values={ROOT / 'demo' / name}" for name in files] + kueue + prometheus


def _image() -> str:
    """Local images keep their tag: an operator whose image was built again since is started anew by this."""
    found = imagestore.descriptor("operator")
    return found["digest"].removeprefix("sha256:")[:16] if found else "unknown"


if __name__ == "__main__":
    install()
