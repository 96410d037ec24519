"""Pods whose server the spec names: a container of ours brings the package, theirs gets no credentials."""

from typing import Any

from millwright.api.runtime import Runtime

Manifest = dict[str, Any]
FETCHER, CUSTOM = "fetch", "runtime"
MODEL_FOLDER, DEFAULT_PORT = "/mnt/models", 8080  # KServe's
MOUNTS = [
    {"name": "models", "mountPath": MODEL_FOLDER, "subPath": "package", "readOnly": True},
    {"name": "tmp", "mountPath": "/tmp"},
]
PACKAGE_URI = "MILLWRIGHT_PACKAGE_URI"
SERVING_ONLY = ("ports", "startupProbe", "readinessProbe", "livenessProbe")
# It may leave at SIGTERM at once, while proxies still send it requests.
LEAVING: Manifest = {"preStop": {"sleep": {"seconds": 5}}}


def is_custom(runtime: Runtime | None) -> bool:
    """Whether a server answers that is not the platform's own."""
    return runtime is not None and runtime.type == "Custom"


def containers(runtime: Runtime, own: Manifest, env: list[Manifest], runner_image: str) -> Manifest:
    """What of a pod spec is otherwise than with `own`, the container of the platform's server.

    `env`: of a Custom server.
    """
    foreign = {name: value for name, value in own.items() if name != "envFrom"} | {"volumeMounts": MOUNTS}
    server = foreign | (_custom(runtime, env) if is_custom(runtime) else _mlflow(runtime, own, runner_image))
    return {"initContainers": [_fetcher(own)], "containers": [server]}


def _fetcher(own: Manifest) -> Manifest:
    """It alone has the credentials of S3."""
    fields = {name: value for name, value in own.items() if name not in SERVING_ONLY}
    return fields | {"name": FETCHER, "args": ["-m", "millwright_serving.fetch"]}


def _mlflow(runtime: Runtime, own: Manifest, runner_image: str) -> Manifest:
    """The platform's server, in an image that has MLflow."""
    env = [v | {"value": MODEL_FOLDER} if v["name"] == PACKAGE_URI else v for v in own["env"]]
    return {"image": runtime.image or runner_image, "env": env}


def _custom(runtime: Runtime, env: list[Manifest]) -> Manifest:
    return {
        "name": CUSTOM,
        "image": runtime.image,
        "command": list(runtime.command or ()),
        "args": list(runtime.args or ()),
        "ports": [{"name": "http", "containerPort": runtime.port or DEFAULT_PORT}],
        "env": env,
        "lifecycle": LEAVING,
    }
