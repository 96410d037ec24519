"""The pod that serves a model version, as a pod template."""

from dataclasses import dataclass, field
from typing import Any

from millwright.api.common import GROUP
from millwright.api.deployment import DeploymentSpec
from millwright.core import children, pods, runtimes
from millwright.core.execution import ObjectKey
from millwright.core.node_pools import NodePool, NodePools

Manifest = dict[str, Any]
CONTAINER = "server"
PORT, MIRROR_PORT = 8080, 8081
VERSION_SET_LABEL = f"{GROUP}/version-set"
GRACE_SECONDS = 45
SCRAPED = {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT)}
SPREAD = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}


@dataclass(frozen=True)
class Target:
    """The model version to serve."""

    model: str
    version: str
    package_uri: str
    digest: str
    allow_pickle: bool = False
    gates_passed: bool = True


@dataclass(frozen=True)
class Platform:
    """What the platform team decided for serving pods. `runner_image`: where MLflow is."""

    image: str
    storage_secret: str
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    pools: NodePools = field(default_factory=NodePools)
    runner_image: str = ""


def template(key: ObjectKey, spec: DeploymentSpec, target: Target, platform: Platform, set_name: str) -> Manifest:
    """Labels, annotations and spec of the pods of one version set. Raises InvalidPlacement."""
    wanted, pool = spec.template, platform.pools.named(spec.node_pool)
    own = _container(key, spec, target, platform)
    pod = pods.restricted(own, spec.service_account_name, ("models", "tmp"))
    if spec.runtime is not None:
        pod |= runtimes.containers(spec.runtime, own, _custom_environment(key, spec, target), platform.runner_image)
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    constraints = [SPREAD | c.manifest() | _selecting(set_name) for c in wanted.topology_spread_constraints]
    pod |= {"topologySpreadConstraints": constraints} if constraints else {}
    pod |= {"priorityClassName": wanted.priority_class_name} if wanted.priority_class_name else {}
    metadata = {
        "labels": wanted.metadata.labels | _labels(key, target, pool, set_name),
        "annotations": ({} if runtimes.is_custom(spec.runtime) else SCRAPED) | wanted.metadata.annotations,
    }
    return {"metadata": metadata, "spec": pod | _placement(pool)}


def _labels(key: ObjectKey, target: Target, pool: NodePool | None, set_name: str) -> dict[str, str]:
    ours = children.labels(key) | {VERSION_SET_LABEL: set_name, f"{GROUP}/model": target.model}
    return ours | ({pods.NODE_POOL_LABEL: pool.name} if pool else {})


def _selecting(set_name: str) -> Manifest:
    return {"labelSelector": {"matchLabels": {VERSION_SET_LABEL: set_name}}}


def _placement(pool: NodePool | None) -> Manifest:
    if pool is None:
        return {}
    tolerations = [toleration.manifest() for toleration in pool.tolerations]
    return {"nodeSelector": dict(pool.node_selector), "tolerations": tolerations}


def _container(key: ObjectKey, spec: DeploymentSpec, target: Target, platform: Platform) -> Manifest:
    resources = spec.template.resources.manifest() if spec.template.resources else platform.resources
    secret = spec.storage.secret_ref if spec.storage else platform.storage_secret
    return {
        "name": CONTAINER,
        "image": platform.image,
        "args": ["-m", "millwright_serving"],
        "command": ["python"],
        "ports": [{"name": "http", "containerPort": PORT}, {"name": "mirror", "containerPort": MIRROR_PORT}],
        "env": [*_environment(key, target), *(e.manifest() for e in spec.template.env)],
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


def _environment(key: ObjectKey, target: Target) -> list[Manifest]:
    values = {
        "MILLWRIGHT_PACKAGE_URI": target.package_uri,
        "MILLWRIGHT_PACKAGE_DIGEST": target.digest,
        "MILLWRIGHT_MODEL_NAME": key.name,
        "MILLWRIGHT_MODEL_VERSION": target.version,
        "MILLWRIGHT_ALLOW_PICKLE": str(target.allow_pickle).lower(),
        "MILLWRIGHT_PORT": str(PORT),
        "MILLWRIGHT_MIRROR_PORT": str(MIRROR_PORT),
        "MILLWRIGHT_COMPARE_URL": f"http://{key.name}.{key.namespace}.svc",
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def _custom_environment(key: ObjectKey, spec: DeploymentSpec, target: Target) -> list[Manifest]:
    """First what others may be made of, as in `$(MODEL_NAME)`; what the template says wins."""
    values = {"MODEL_NAME": key.name, "MILLWRIGHT_MODEL_VERSION": target.version, "HOME": "/tmp"}
    named = {name: {"name": name, "value": value} for name, value in values.items()}
    return list((named | {e.name: e.manifest() for e in spec.template.env}).values())
