"""The CRDs are what the models say, and small enough to apply."""

from pathlib import Path

import pytest
import yaml

from millwright.api.crd import crd, write
from millwright.api.kinds import KINDS, Kind

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["manifests/crds", "charts/millwright/files/crds"])
def test_the_generated_files_are_current(folder: str, tmp_path: Path) -> None:
    write(tmp_path)
    for fresh in tmp_path.iterdir():
        assert (ROOT / folder / fresh.name).read_text() == fresh.read_text(), "run `make crds`"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_is_described_and_the_crd_is_under_64_kib(kind: Kind) -> None:
    definition = crd(kind)
    assert len(yaml.safe_dump(definition)) < 64 * 1024
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert undescribed(schema["properties"]["spec"], "spec") == []


def undescribed(node: dict[str, object], path: str) -> list[str]:
    properties = node.get("properties", {})
    assert isinstance(properties, dict)
    found = [f"{path}.{name}" for name, child in properties.items() if not child.get("description")]
    for name, child in properties.items():
        found += undescribed(child.get("items", child), f"{path}.{name}")
    return found
