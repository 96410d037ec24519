"""Whether a GitOps tool manages an object, and what its repository should then say."""

from dataclasses import dataclass

from millwright_cli.core.kinds import Manifest

ARGO_CD, FLUX = "Argo CD", "Flux"
ARGO_CD_ANNOTATION = "argocd.argoproj.io/tracking-id"
FLUX_LABELS = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
# Argo CD may track by the label app.kubernetes.io/instance alone, which others set too: then only these tell.
FIELD_MANAGERS = {
    "argocd-controller": ARGO_CD,
    "argocd-application-controller": ARGO_CD,
    "kustomize-controller": FLUX,
    "helm-controller": FLUX,
}


@dataclass(frozen=True)
class Manager:
    """The tool, and the name of its Application, Kustomization or HelmRelease where the object tells that."""

    tool: str
    application: str = ""

    def __str__(self) -> str:
        return f"{self.tool} ({self.application})" if self.application else self.tool


def manager(body: Manifest) -> Manager | None:
    """What manages the object; None where people do."""
    metadata = body["metadata"]
    tracked = (metadata.get("annotations") or {}).get(ARGO_CD_ANNOTATION)
    if tracked:
        return Manager(ARGO_CD, tracked.split(":")[0])
    labels = metadata.get("labels") or {}
    by_flux = next((labels[label] for label in FLUX_LABELS if label in labels), None)
    if by_flux:
        return Manager(FLUX, by_flux)
    writers = (entry.get("manager") for entry in metadata.get("managedFields") or ())
    return next((Manager(FIELD_MANAGERS[writer]) for writer in writers if writer in FIELD_MANAGERS), None)


def for_the_repository(body: Manifest, spec: Manifest) -> Manifest:
    """The part of the manifest that carries the change: the fields of the spec that are others, each as a whole."""
    metadata = {name: body["metadata"][name] for name in ("name", "namespace")}
    changed = {name: value for name, value in spec.items() if body["spec"].get(name) != value}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, "spec": changed}
