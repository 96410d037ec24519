"""Install Kubeflow Pipelines: images to the nodes, manifests to the API server."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import builders, debian, gobuild, images, imagestore, wheels
from tests.cluster.gobuild import module_folder
from tests.cluster.kubectl import kubectl
from tests.cluster.settings import PACKAGE, Checkout
from tests.cluster.shell import step

from . import argo, profile, programs

NAMESPACE = "kubeflow"
_MANIFESTS = PACKAGE / "manifests"
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
_DEPLOYMENTS = ("mysql", "minio", "metadata-grpc", "ml-pipeline", "workflow-controller", "ml-pipeline-persistenceagent")


def up(checkout: Checkout, mode: str) -> None:
    """Bring up the server in a mode, `multi` or `single`; on one that runs this is a matter of seconds."""
    gobuild.build(programs.PROGRAMS)
    _build_images()
    with step("images of Kubeflow Pipelines"):
        for name in (*_IMAGES, "mariadb", "mlmd", "versitygw"):
            imagestore.import_into_all(checkout, name)
    with step("install Kubeflow Pipelines"):
        _apply(checkout, mode)
    with step("Kubeflow Pipelines ready"):
        for name in _DEPLOYMENTS:
            kubectl(checkout, "-n", NAMESPACE, "rollout", "status", f"deployment/{name}", "--timeout=180s")


def _build_images() -> None:
    for name, program in _IMAGES.items():
        command = f"bin/{Path(program.package).name}"
        imagestore.add(name, {command: program.binary, "tmp": None}, Entrypoint=[f"/{command}"])
    debian.add_image("mariadb", "mariadb-server-core")
    builder = builders.choose()
    images.build(builder, "versitygw", images.versitygw())
    lock = PACKAGE / "requirements" / "mlmd.txt"
    images.build(builder, "mlmd", {"wheels": wheels.dependencies(lock)}, _MLMD / "Dockerfile", _MLMD / "server.py")
    for name in ("versitygw", "mlmd"):
        builder.export(name)


def _apply(checkout: Checkout, mode: str) -> None:
    mode_file = _MANIFESTS / "kubeflow-modes" / f"{mode}.yaml"
    first = (_MANIFESTS / "kubeflow" / "namespace.yaml", *_module_manifests())
    for files in (first, (mode_file, _MANIFESTS / "kubeflow")):
        words = [word for file in files for word in ("-f", file)]
        kubectl(checkout, "apply", "--server-side", "--force-conflicts", *words)
    profile.apply(checkout, NAMESPACE)


def _module_manifests() -> list[Path]:
    workflows = module_folder(argo.SOURCE, argo.MODULE)
    found = [file for folder in _ARGO for file in sorted((workflows / folder).glob("*.yaml"))]
    pipelines = module_folder(PACKAGE / "go" / "kfp", programs.PIPELINES) / _PIPELINES
    return [
        *(file for file in found if file.stem not in _ARGO_SKIPPED),
        *(pipelines / file for file in _PIPELINES_FILES),
    ]
