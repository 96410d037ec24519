"""Install Kubeflow Pipelines: images to the nodes, manifests to the API server."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tests.cluster import builders, debian, gobuild, images, imagestore, wheels
from tests.cluster.gobuild import module_folder
from tests.cluster.kubectl import kubectl
from tests.cluster.settings import PACKAGE, Checkout
from tests.cluster.shell import step

from . import argo, profile, programs

NAMESPACE = "kubeflow"
_MANIFESTS = PACKAGE / "manifests" / "kubeflow"
_MLMD = PACKAGE / "mlmd"
# Image → the program that is all there is in it, besides a folder for temporary files.
_IMAGES = {
    "kfp-api-server": programs.API_SERVER,
    "kfp-persistence-agent": programs.PERSISTENCE_AGENT,
    "kfp-driver": programs.DRIVER,
    "kfp-launcher": programs.LAUNCHER,
    "workflow-controller": programs.WORKFLOW_CONTROLLER,
    "argoexec": programs.ARGOEXEC,
}
_ALL_IMAGES = (*_IMAGES, "mariadb", "mlmd", "versitygw")
# In Argo's and KFP's modules: definitions, and the roles that come with them.
_ARGO = ("manifests/base/crds/minimal", "manifests/cluster-install-no-crds/workflow-controller-rbac")
_ARGO_SKIPPED = ("kustomization", "workflow-controller-rolebinding", "workflow-controller-clusterrolebinding")
_PIPELINES = "manifests/kustomize/base"
_PIPELINES_FILES = (
    "pipeline/cluster-scoped/scheduled-workflow-crd.yaml",
    "pipeline/cluster-scoped/viewer-crd.yaml",
    "installs/multi-user/api-service/cluster-role.yaml",
    "installs/multi-user/persistence-agent/cluster-role.yaml",
    "installs/multi-user/view-edit-cluster-roles.yaml",
)


def up(checkout: Checkout, mode: str) -> None:
    """Bring up the server in a mode, `multi` or `single`; on one that runs this is a matter of seconds."""
    gobuild.build(programs.PROGRAMS)
    _build_images()
    with step("images of Kubeflow Pipelines"):
        for name in _ALL_IMAGES:
            imagestore.import_into_all(checkout, name)
    with step("stores of Kubeflow Pipelines"):
        # First: the server waits longer and longer for a database that is not there.
        _apply(checkout, *_manifests(mode, "1-namespace", "2-stores"), *_module_manifests())
        _wait(checkout, "mysql", "minio", "metadata-grpc")
    with step(f"Kubeflow Pipelines, {mode}-user mode"):
        _apply(checkout, *_manifests(mode, "modes", "argo", "pipelines"))
        profile.apply(checkout, NAMESPACE)
        _wait(checkout, "ml-pipeline", "workflow-controller", "ml-pipeline-persistenceagent")


def _build_images() -> None:
    for name, program in _IMAGES.items():
        command = f"bin/{Path(program.package).name}"
        imagestore.add(name, {command: program.binary, "tmp": None}, Entrypoint=[f"/{command}"])
    debian.add_image("mariadb", "mariadb-server-core,mariadb-client-core")
    builder = builders.choose()
    images.build(builder, "versitygw", images.versitygw())
    lock = PACKAGE / "requirements" / "mlmd.txt"
    images.build(builder, "mlmd", {"wheels": wheels.dependencies(lock)}, _MLMD / "Dockerfile", _MLMD / "server.py")
    for name in ("versitygw", "mlmd"):
        builder.export(name)


def _apply(checkout: Checkout, *manifests: str) -> None:
    kubectl(checkout, "apply", "--server-side", "--force-conflicts", "-f", "-", input="\n---\n".join(manifests))


def _wait(checkout: Checkout, *deployments: str) -> None:
    for name in deployments:
        kubectl(checkout, "-n", NAMESPACE, "rollout", "status", f"deployment/{name}", "--timeout=180s")


def _manifests(mode: str, *names: str) -> list[str]:
    """Ours; a pod's template changes, and with it the pod, when the mode or an image is another."""
    digests = "".join(imagestore.descriptor(name)["digest"] for name in _ALL_IMAGES)
    values = {"IMAGES": hashlib.sha256(digests.encode()).hexdigest()[:12], "MODE": mode}
    texts = [(_MANIFESTS / f"{name}.yaml").read_text() for name in names]
    return [re.sub(r"\b(IMAGES|MODE)\b", lambda match: values[match[0]], text) for text in texts]


def _module_manifests() -> list[str]:
    workflows = module_folder(argo.SOURCE, argo.MODULE)
    found = [file for folder in _ARGO for file in sorted((workflows / folder).glob("*.yaml"))]
    pipelines = module_folder(PACKAGE / "go" / "kfp", programs.PIPELINES) / _PIPELINES
    files = [file for file in found if file.stem not in _ARGO_SKIPPED] + [pipelines / file for file in _PIPELINES_FILES]
    return [file.read_text() for file in files]
