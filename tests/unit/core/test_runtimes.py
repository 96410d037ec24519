"""Pods with another server than the platform's: what it gets, and what it must not have."""

from typing import Any

from tests.unit.core.test_serving_pod import KEY, TARGET, name, spec

from millwright.core import serving_pod
from millwright.core.serving_pod import Platform

IMAGE = "kserve/sklearnserver:v0.15.0"
PLATFORM = Platform("serving:1", "storage", {"requests": {"cpu": "100m"}}, runner_image="runner:1")
ARGS = ["--model_name=$(MODEL_NAME)", "--model_dir=/mnt/models", "--http_port=9000"]


def pod(runtime: dict[str, Any], **fields: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The container that fetches, the one that serves, and the whole template."""
    made = serving_pod.template(KEY, spec(runtime=runtime, **fields), TARGET, PLATFORM, "set-1")
    ((fetcher,), (server,)) = made["spec"]["initContainers"], made["spec"]["containers"]
    return fetcher, server, made


def env(container: dict[str, Any]) -> dict[str, str]:
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names)), "the API server takes each name once"
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}


def test_the_platforms_image_fetches_the_package_with_the_credentials_of_the_namespace() -> None:
    fetcher, _, _ = pod({"image": IMAGE})
    assert (fetcher["image"], fetcher["args"]) == ("serving:1", ["-m", "millwright_serving.fetch"])
    assert fetcher["envFrom"] == [{"secretRef": {"name": "storage"}}]
    assert env(fetcher)["MILLWRIGHT_PACKAGE_URI"] == TARGET.package_uri
    assert {"name": "models", "mountPath": "/models"} in fetcher["volumeMounts"]
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & set(fetcher)


def test_a_custom_server_has_the_package_to_read_and_no_credentials() -> None:
    for runtime in ({"image": IMAGE}, {"type": "MLflow"}):
        _, server, made = pod(runtime)
        assert "envFrom" not in server
        assert server["volumeMounts"][0] == {
            "name": "models",
            "mountPath": "/mnt/models",
            "subPath": "package",
            "readOnly": True,
        }
        assert server["securityContext"]["readOnlyRootFilesystem"] is True
        assert made["spec"]["securityContext"]["runAsNonRoot"] is True


def test_a_custom_server_is_told_its_name_and_asked_by_v2() -> None:
    _, server, made = pod({"image": IMAGE, "args": ARGS, "port": 9000})
    assert (server["name"], server["image"], server["command"], server["args"]) == ("runtime", IMAGE, [], ARGS)
    assert server["ports"] == [{"name": "http", "containerPort": 9000}]
    assert server["readinessProbe"]["httpGet"] == {"path": "/v2/health/ready", "port": "http"}
    assert server["livenessProbe"]["httpGet"] == {"path": "/v2/health/live", "port": "http"}
    assert env(server) == {"MODEL_NAME": "arr-delay", "MILLWRIGHT_MODEL_VERSION": "1", "HOME": "/tmp"}
    assert server["lifecycle"]["preStop"]["sleep"]["seconds"] > 0
    assert made["metadata"]["annotations"] == {}, "nobody knows where its metrics are"


def test_the_template_wins_and_follows_what_it_may_be_made_of() -> None:
    theirs = [{"name": "HOME", "value": "/home/me"}, {"name": "MLSERVER_MODEL_NAME", "value": "$(MODEL_NAME)"}]
    _, server, _ = pod({"image": IMAGE}, template={"env": theirs})
    assert env(server)["HOME"] == "/home/me"
    assert list(env(server)) == ["MODEL_NAME", "MILLWRIGHT_MODEL_VERSION", "HOME", "MLSERVER_MODEL_NAME"]


def test_mlflow_models_are_served_by_the_platforms_server_in_the_runner_image_or_another() -> None:
    _, server, made = pod({"type": "MLflow"})
    assert (server["name"], server["image"]) == ("server", "runner:1")
    assert (server["command"], server["args"]) == (["python"], ["-m", "millwright_serving"])
    assert env(server)["MILLWRIGHT_PACKAGE_URI"] == "/mnt/models"
    assert env(server)["MILLWRIGHT_PACKAGE_DIGEST"] == TARGET.digest
    assert [port["name"] for port in server["ports"]] == ["http", "mirror"]
    assert made["metadata"]["annotations"]["prometheus.io/port"] == "8080"
    assert pod({"type": "MLflow", "image": "team/torch:1"})[1]["image"] == "team/torch:1"


def test_another_runtime_is_another_set() -> None:
    names = {name(), name(runtime={"image": IMAGE}), name(runtime={"image": "b"}), name(runtime={"type": "MLflow"})}
    assert len(names) == 4
