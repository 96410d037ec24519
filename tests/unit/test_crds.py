"""The CRDs are what the models say, and small enough to apply."""

import json
from pathlib import Path

import pytest
import yaml

from millwright.api.crd import Schema, crd, write
from millwright.api.kinds import KINDS, Kind

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["manifests/crds", "charts/millwright/files/crds"])
def test_the_generated_files_are_current(folder: str, tmp_path: Path) -> None:
    write(tmp_path)
    for fresh in tmp_path.iterdir():
        assert (ROOT / folder / fresh.name).read_text() == fresh.read_text(), "run `make crds`"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_is_described_and_kubectl_can_keep_the_crd_in_an_annotation(kind: Kind) -> None:
    definition = crd(kind)
    assert len(json.dumps(definition)) < 256 * 1024
    assert undescribed(schema_of(kind)["properties"]["spec"], "spec") == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_bounds_are_inclusive_as_others_are_of_another_type_in_kubernetes(kind: Kind) -> None:
    assert "exclusive" not in yaml.safe_dump(crd(kind))


def schema_of(kind: Kind) -> Schema:
    schema: Schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_nothing_is_filled_in_that_tools_would_fight_over(kind: Kind) -> None:
    """Argo CD compares lists as a whole, and kubectl takes away only what was applied (docs/decisions/024)."""
    properties = schema_of(kind)["properties"]
    assert fought_over(properties["spec"], "spec") == []
    assert properties["status"]["default"] == {"observedGeneration": -1}


def fought_over(node: Schema, path: str, in_list: bool = False) -> list[str]:
    """Fields with a default that is a map or a list, or that stands in an item of a list."""
    filled = node.get("default")
    found = [path] if isinstance(filled, dict | list) or (in_list and filled is not None) else []
    for name, child in node.get("properties", {}).items():
        found += fought_over(child, f"{path}.{name}", in_list)
    if "items" in node:
        found += fought_over(node["items"], f"{path}[]", True)
    if "additionalProperties" in node:
        found += fought_over(node["additionalProperties"], f"{path}{{}}", in_list)
    return found


def undescribed(node: dict[str, object], path: str) -> list[str]:
    properties = node.get("properties", {})
    assert isinstance(properties, dict)
    found = [f"{path}.{name}" for name, child in properties.items() if not child.get("description")]
    for name, child in properties.items():
        found += undescribed(child.get("items", child), f"{path}.{name}")
    return found
