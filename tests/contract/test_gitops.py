"""What is applied is what is kept, by whatever tool and in whatever steps: the API server's part of it."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from tests.cluster.settings import ROOT
from tests.contract.kube import kubectl
from tests.contract.test_admission import ACCEPTED, Spec, manifest

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.api.common import API_VERSION, GROUP
from millwright.api.kinds import KINDS
from millwright.ports import MODELS

# Of another namespace, so that an operator that is there makes nothing in MLflow.
FOREIGN: Spec = {"registeredName": "elsewhere.gitops"}
BY_GIT = ("--server-side", "--field-manager=git", "--force-conflicts")
BY_HAND = ("--server-side", "--field-manager=hand", "--force-conflicts")
BY_KUBECTL: tuple[str, ...] = ()


def applied(body: dict[str, Any], *flags: str) -> dict[str, Any]:
    """The object as the API server keeps it."""
    done = kubectl("apply", *flags, "-o", "json", "-f", "-", stdin=json.dumps(body))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
def name() -> str:
    return f"object-{uuid4().hex[:8]}"


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_diff_of_what_was_applied_is_empty(namespace: str, case: str) -> None:
    kind, spec = ACCEPTED[case]
    body = manifest(namespace, kind, spec)
    assert differences(spec, applied(body, "--dry-run=server").get("spec", {})) == []


def differences(wanted: Any, kept: Any, path: str = "spec") -> list[str]:
    """As Argo CD compares custom resources: maps by what is wanted of them, and lists as a whole."""
    if isinstance(wanted, dict) and isinstance(kept, dict):
        return [d for key in wanted for d in differences(wanted[key], kept.get(key), f"{path}.{key}")]
    return [] if wanted == kept else [path]


@pytest.mark.parametrize("flags", [BY_KUBECTL, BY_GIT], ids=["client-side", "server-side"])
def test_aliases_that_were_left_out_first_are_those_that_are_named_then(
    namespace: str, name: str, flags: tuple[str, ...]
) -> None:
    applied(manifest(namespace, "Model", FOREIGN, name), *flags)
    kept = applied(manifest(namespace, "Model", FOREIGN | {"aliases": {"prod": "External"}}, name), *flags)
    assert kept["spec"]["aliases"] == {"prod": "External"}


@pytest.mark.parametrize("flags", [BY_KUBECTL, BY_GIT], ids=["client-side", "server-side"])
def test_a_pipeline_may_come_from_elsewhere_later(namespace: str, name: str, flags: tuple[str, ...]) -> None:
    def run(pipeline: Spec) -> dict[str, Any]:
        spec = {"pipeline": pipeline, "output": {"model": "absent"}, "suspend": True}
        return manifest(namespace, "TrainingRun", spec, name)

    applied(run({"configMapRef": {"name": "absent"}}), *flags)
    assert applied(run({"name": "uploaded"}), *flags)["spec"]["pipeline"] == {"name": "uploaded"}


def test_a_version_that_was_approved_by_hand_is_not_any_more_when_the_repository_is_applied(
    namespace: str, name: str
) -> None:
    def approving(*versions: str) -> dict[str, Any]:
        approval = {"policy": "Manual", "approvedVersions": list(versions)}
        return manifest(namespace, "Model", FOREIGN | {"approval": approval}, name)

    applied(approving("7"), *BY_GIT)
    assert applied(approving("7", "8"), *BY_HAND)["spec"]["approval"]["approvedVersions"] == ["7", "8"]
    assert applied(approving("7"), *BY_GIT)["spec"]["approval"]["approvedVersions"] == ["7"]


def built(folder: Path, kustomization: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What kustomize makes of it, by kind."""
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    done = kubectl("kustomize", str(folder))
    assert done.returncode == 0, done.stderr
    return {body["kind"]: body for body in yaml.safe_load_all(done.stdout)}


def test_an_overlay_changes_a_factory_and_its_pipeline(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("another pipeline")
    more = {"kind": "TrainingRun", "metadata": {"name": "wine"}, "spec": {"parameters": {"regularization": 2.0}}}
    overlay = {
        "namespace": "staging",
        "resources": [os.path.relpath(ROOT / "examples" / "own-pipeline", tmp_path)],
        "configMapGenerator": [{"name": "wine-pipeline", "behavior": "replace", "files": ["pipeline.yaml"]}],
        "patches": [{"patch": yaml.safe_dump({"apiVersion": API_VERSION} | more)}],
    }
    bodies = built(tmp_path, overlay)
    run, config_map = bodies["TrainingRun"], bodies["ConfigMap"]
    assert run["metadata"]["namespace"] == "staging"
    assert run["spec"]["parameters"] == {"regularization": 2.0}
    assert run["spec"]["pipeline"]["configMapRef"]["name"] == config_map["metadata"]["name"]
    assert config_map["data"] == {"pipeline.yaml": "another pipeline"}


def test_the_component_adds_health_checks_to_the_settings_of_argo_cd(tmp_path: Path) -> None:
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm"},
        "data": {"url": "https://a"},
    }
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings))
    component = os.path.relpath(ROOT / "manifests" / "argocd", tmp_path)
    bodies = built(tmp_path, {"namespace": "argocd", "resources": ["settings.yaml"], "components": [component]})
    script = (ROOT / "manifests" / "argocd" / "health.lua").read_text()
    keys = [f"resource.customizations.health.{GROUP}_{kind.kind}" for kind in KINDS]
    assert bodies["ConfigMap"]["metadata"]["name"] == "argocd-cm"
    assert bodies["ConfigMap"]["data"] == {"url": "https://a"} | dict.fromkeys(keys, script)


@pytest.fixture
async def cluster() -> AsyncIterator[KubernetesCluster]:
    connected = await KubernetesCluster.connect()
    yield connected
    await connected.close()


async def test_an_object_that_nobody_has_looked_at_says_so(
    namespace: str, name: str, cluster: KubernetesCluster
) -> None:
    await cluster.create(MODELS, manifest(namespace, "Model", FOREIGN, name))
    body = await cluster.get(MODELS, namespace, name)
    assert body is not None
    assert body["status"]["observedGeneration"] in (-1, 1), "an operator may have been faster"
