"""Version sets: the apps/v1 Deployment and Service that serve one model version, as manifests."""

from millwright.api.deployment import DeploymentSpec
from millwright.core import children, serving_pod
from millwright.core.children import DEPLOYMENT_LABEL, Manifest
from millwright.core.execution import ObjectKey, short_hash
from millwright.core.serving_pod import VERSION_SET_LABEL, Platform, Target

SERVICE_PORT, SERVICE_MIRROR_PORT = 80, 81
# A pod counts when proxies and Gateways have had time to hear of it: requests before that find nobody.
SETTLE_SECONDS = 2


def name(key: ObjectKey, spec: DeploymentSpec, target: Target, platform: Platform) -> str:
    """`<name>-<hash>`: another name whenever the pods would be others. Raises InvalidPlacement."""
    content = serving_pod.template(key, spec, target, platform, "")
    return f"{key.name[:48]}-{short_hash(content, 8)}"


def manifests(
    key: ObjectKey, uid: str, spec: DeploymentSpec, target: Target, platform: Platform, replicas: int
) -> tuple[Manifest, Manifest]:
    """The apps/v1 Deployment, with so many pods, and the Service of the version set."""
    set_name = name(key, spec, target, platform)
    labels = children.labels(key) | {VERSION_SET_LABEL: set_name}
    spec_of_any_size = {
        "selector": {"matchLabels": {VERSION_SET_LABEL: set_name}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "minReadySeconds": SETTLE_SECONDS,
        "template": serving_pod.template(key, spec, target, platform, set_name),
    }
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec_of_any_size}
    deployment = children.stamped(deployment | {"metadata": children.metadata(key, uid, set_name, labels)})
    sized = deployment | {"spec": spec_of_any_size | {"replicas": replicas}}
    return sized, children.stamped(service(key, uid, set_name, {VERSION_SET_LABEL: set_name}, labels))


def selector(key: ObjectKey, set_name: str | None = None) -> str:
    """Label selector of the pods of one version set; None: of all serving pods of a Deployment."""
    return f"{VERSION_SET_LABEL}={set_name}" if set_name else f"{DEPLOYMENT_LABEL}={key.name}"


def service(key: ObjectKey, uid: str, name: str, selected: dict[str, str], labels: dict[str, str]) -> Manifest:
    """A Service of the pods with the labels `selected`."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": children.metadata(key, uid, name, labels),
        "spec": {
            "selector": selected,
            "ports": [
                {"name": "http", "port": SERVICE_PORT, "targetPort": "http", "appProtocol": "http"},
                {"name": "mirror", "port": SERVICE_MIRROR_PORT, "targetPort": "mirror", "appProtocol": "http"},
            ],
        },
    }
