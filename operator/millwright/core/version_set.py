"""Version sets: the apps/v1 Deployment and Service that serve one model version, as manifests."""

from dataclasses import dataclass, field
from typing import Any

from millwright.api.common import API_VERSION, GROUP
from millwright.api.deployment import DeploymentSpec
from millwright.core import pods
from millwright.core.execution import ObjectKey, short_hash

Manifest = dict[str, Any]
PORT = 8080
APPLIED = f"{GROUP}/applied"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"
VERSION_SET_LABEL = f"{GROUP}/version-set"
GRACE_SECONDS = 45


@dataclass(frozen=True)
class Target:
    """The model version to serve."""

    model: str
    version: str
    package_uri: str
    digest: str
    allow_pickle: bool = False


@dataclass(frozen=True)
class Platform:
    """What the platform team decided for serving pods."""

    image: str
    storage_secret: str
    resources: dict[str, dict[str, str]] = field(default_factory=dict)


def name(key: ObjectKey, spec: DeploymentSpec, target: Target, platform: Platform) -> str:
    """`<name>-<hash>`: another name whenever the pods would be others."""
    content = _pod_template(key, spec, target, platform, "")
    return f"{key.name[:48]}-{short_hash(content, 8)}"


def manifests(
    key: ObjectKey, uid: str, spec: DeploymentSpec, target: Target, platform: Platform
) -> tuple[Manifest, Manifest]:
    """The apps/v1 Deployment and the Service of the version set."""
    set_name = name(key, spec, target, platform)
    labels = _labels(key) | {VERSION_SET_LABEL: set_name}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(key, uid, set_name, labels),
        "spec": {
            "replicas": spec.replicas,
            "selector": {"matchLabels": {VERSION_SET_LABEL: set_name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": _pod_template(key, spec, target, platform, set_name),
        },
    }
    return _stamped(deployment), _stamped(_service(key, uid, set_name, set_name, labels))


def stable_service(key: ObjectKey, uid: str, set_name: str) -> Manifest:
    """The Service that clients use; its selector is the switch."""
    return _stamped(_service(key, uid, key.name, set_name, _labels(key)))


def url(key: ObjectKey) -> str:
    """Where the model answers inside the cluster."""
    return f"http://{key.name}.{key.namespace}.svc/v2/models/{key.name}"


def selector(key: ObjectKey) -> str:
    """Label selector of all serving pods of a Deployment."""
    return f"{DEPLOYMENT_LABEL}={key.name}"


def applied(manifest: Manifest) -> str:
    """Hash that an object carries of the manifest it was made from."""
    return str(manifest["metadata"]["annotations"][APPLIED])


def _stamped(manifest: Manifest) -> Manifest:
    stamp = {APPLIED: short_hash(manifest)}
    return manifest | {"metadata": manifest["metadata"] | {"annotations": stamp}}


def _metadata(key: ObjectKey, uid: str, object_name: str, labels: dict[str, str]) -> Manifest:
    owner = {
        "apiVersion": API_VERSION,
        "kind": "Deployment",
        "name": key.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": object_name, "namespace": key.namespace, "labels": labels, "ownerReferences": [owner]}


def _labels(key: ObjectKey) -> dict[str, str]:
    return pods.labels("server", key.name) | {DEPLOYMENT_LABEL: key.name}


def _service(key: ObjectKey, uid: str, service_name: str, set_name: str, labels: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(key, uid, service_name, labels),
        "spec": {
            "selector": {VERSION_SET_LABEL: set_name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"}],
        },
    }


def _pod_template(key: ObjectKey, spec: DeploymentSpec, target: Target, platform: Platform, set_name: str) -> Manifest:
    template = spec.template
    resources = template.resources.manifest() if template.resources else platform.resources
    secret = spec.storage.secret_ref if spec.storage else platform.storage_secret
    labels = template.labels | _labels(key) | {VERSION_SET_LABEL: set_name, f"{GROUP}/model": target.model}
    container = {
        "name": "server",
        "image": platform.image,
        "args": ["-m", "millwright_serving"],
        "command": ["python"],
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [*_environment(key, target), *(e.manifest() for e in template.env)],
        "envFrom": [{"secretRef": {"name": secret}}],
        "resources": resources,
        "startupProbe": {
            "httpGet": {"path": "/v2/health/ready", "port": "http"},
            "periodSeconds": 1,
            "failureThreshold": 300,
        },
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "periodSeconds": 2},
        "livenessProbe": {
            "httpGet": {"path": "/v2/health/live", "port": "http"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
        },
        "securityContext": pods.CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "models", "mountPath": "/models"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = pods.restricted(container, spec.service_account_name, volumes=("models", "tmp"))
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT)} | template.annotations
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod}


def _environment(key: ObjectKey, target: Target) -> list[Manifest]:
    values = {
        "MILLWRIGHT_PACKAGE_URI": target.package_uri,
        "MILLWRIGHT_PACKAGE_DIGEST": target.digest,
        "MILLWRIGHT_MODEL_NAME": key.name,
        "MILLWRIGHT_MODEL_VERSION": target.version,
        "MILLWRIGHT_ALLOW_PICKLE": str(target.allow_pickle).lower(),
        "MILLWRIGHT_PORT": str(PORT),
    }
    return [{"name": name, "value": value} for name, value in values.items()]
