"""Kubeflow Pipelines 2.14.3 and Argo Workflows 3.7.13, from their Go modules."""

from __future__ import annotations

from tests.cluster.gobuild import Program

from . import argo, protos

PIPELINES = "github.com/kubeflow/pipelines"

_SQLITE = {
    "cgo": True,  # the server links SQLite, which it uses in its own tests
    "tags": "osusergo,netgo,sqlite_omit_load_extension",
    "ldflags": "-s -w -linkmode external -extldflags -static",
}


def _pipelines(package: str, **options) -> Program:
    package = f"{PIPELINES}/backend/src/{package}"
    return Program("kfp", package, complete=protos.generate, recipe=protos.RECIPE, **options)


def _argo(command: str) -> Program:
    stamp = f"-s -w -X {argo.MODULE}.version=v3.7.13"
    package = f"{argo.MODULE}/cmd/{command}"
    return Program("argo", package, ldflags=stamp, complete=argo.complete, recipe=argo.RECIPE)


API_SERVER = _pipelines("apiserver", **_SQLITE)
PERSISTENCE_AGENT = _pipelines("agent/persistence")
DRIVER = _pipelines("v2/cmd/driver")
LAUNCHER = _pipelines("v2/cmd/launcher-v2")
WORKFLOW_CONTROLLER = _argo("workflow-controller")
ARGOEXEC = _argo("argoexec")
PROGRAMS = (API_SERVER, PERSISTENCE_AGENT, DRIVER, LAUNCHER, WORKFLOW_CONTROLLER, ARGOEXEC)
