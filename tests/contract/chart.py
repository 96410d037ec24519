"""The chart, as Helm renders it without a cluster."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import yaml
from tests.cluster import gobuild
from tests.cluster.settings import ROOT

CHART = ROOT / "charts" / "millwright"
RELEASE, NAMESPACE = "mill", "platform"
Object = dict[str, Any]
OWN_MLFLOW: Object = {"mlflow.embedded": False, "mlflow.trackingUri": "http://mlflow.example"}


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs the cluster's own Helm to its end, whatever that is."""
    gobuild.build((gobuild.HELM,))
    return subprocess.run([gobuild.HELM.binary, *words], capture_output=True, text=True, check=False)


def render(values: Object) -> list[Object]:
    """The objects of a release with these values, hooks too."""
    done = helm("template", RELEASE, str(CHART), "-n", NAMESPACE, *_given(values))
    assert done.returncode == 0, done.stderr
    return [body for body in yaml.safe_load_all(done.stdout) if body]


def refusal(values: Object) -> str:
    """What Helm says to values that it does not take."""
    done = helm("template", RELEASE, str(CHART), *_given(values))
    assert done.returncode != 0, done.stdout
    return done.stderr


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Name and spec of every pod template."""
    for body in objects:
        template = body.get("spec", {}).get("template")
        if body["kind"] in ("Deployment", "Job", "StatefulSet", "DaemonSet"):
            yield body["metadata"]["name"], template["spec"]


def containers(pod: Object) -> list[Object]:
    """All containers of a pod spec, those that run first too."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def named(objects: list[Object], kind: str) -> list[tuple[str, str]]:
    """(namespace, name) of every object of a kind; the namespace is empty where there is none."""
    return [(o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects if o["kind"] == kind]


def template(objects: list[Object], name: str) -> Any:
    """Pod template of a Deployment."""
    return next(o["spec"]["template"] for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == name)


def settings(objects: list[Object], file: str) -> str:
    """A file of the operator's."""
    text: str = next(o["data"][file] for o in objects if o["metadata"]["name"] == "mill-settings")
    return text


def _given(values: Object) -> list[str]:
    return [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
