"""kustomize on our kinds: its own transformers, and names that follow by our component. Built by kubectl alone."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.settings import ROOT
from tests.contract.kube import dry_run, kubectl

Body = dict[str, Any]
DEPLOYMENT = """
apiVersion: millwright.dev/v1alpha1
kind: Deployment
metadata: {name: arr-delay}
spec:
  model: {name: arr-delay}
"""
OVERLAY = """
resources: [deployment.yaml]
replicas: [{name: arr-delay, count: 3}]
labels: [{pairs: {team: flights}, includeTemplates: true}]
commonAnnotations: {owner: flights}
"""
FOLDERS = ["manifests/samples/flights", "manifests/samples/carriers", "examples/own-pipeline"]


def built(folder: Path) -> list[Body]:
    """What `kubectl kustomize` makes of a folder."""
    done = kubectl("kustomize", str(folder))
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def overlaid(folder: Path) -> Body:
    """A Deployment after the transformers that people use most."""
    (folder / "deployment.yaml").write_text(DEPLOYMENT)
    (folder / "kustomization.yaml").write_text(OVERLAY)
    (body,) = built(folder)
    return body


def test_replicas_labels_and_annotations_land_where_the_deployment_has_them(tmp_path: Path) -> None:
    body = overlaid(tmp_path)
    assert body["metadata"]["labels"] == {"team": "flights"}
    assert body["spec"]["replicas"] == 3
    pods = {"labels": {"team": "flights"}, "annotations": {"owner": "flights"}}
    assert body["spec"]["template"] == {"metadata": pods}


def test_what_comes_of_it_is_admitted(tmp_path: Path, namespace: str) -> None:
    body = overlaid(tmp_path)
    body["metadata"]["namespace"] = namespace
    judged = dry_run(body)
    assert judged.returncode == 0, judged.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_follow_what_they_refer_to(folder: str, tmp_path: Path) -> None:
    base = os.path.relpath(ROOT / folder, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{base}]\nnamePrefix: team-\n")
    bodies = {body["kind"]: body for body in built(tmp_path)}
    model = bodies["Model"]["metadata"]["name"]
    assert model.startswith("team-")
    assert bodies["TrainingRun"]["spec"]["output"]["model"] == model
    assert bodies["Deployment"]["spec"]["model"]["name"] == model
    config_map = bodies["TrainingRun"]["spec"]["pipeline"]["configMapRef"]["name"]
    assert config_map == bodies["ConfigMap"]["metadata"]["name"] != "pipeline"
