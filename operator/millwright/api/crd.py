"""CustomResourceDefinitions made from the pydantic models.

`python -m millwright.api.crd FOLDER` writes one YAML file per kind.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from millwright.api.common import GROUP, NOT_OBSERVED, VERSION
from millwright.api.kinds import KINDS, Column, Kind

Schema = dict[str, Any]
# What JSON Schema says and a structural schema may not.
DROPPED = {"title", "additionalProperties", "patternProperties", "$defs", "propertyNames"}


def crd(kind: Kind) -> Schema:
    """The CustomResourceDefinition of one kind, as a manifest."""
    singular = kind.plural.removesuffix("s")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": singular,
                "shortNames": [kind.short_name],
                "categories": ["mlops"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [_column(c) for c in kind.columns],
                    "subresources": _subresources(kind),
                    "schema": {"openAPIV3Schema": _object_schema(kind)},
                }
            ],
        },
    }


def _column(column: Column) -> Schema:
    rendered = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return rendered | ({"priority": column.priority} if column.priority else {})


def _subresources(kind: Kind) -> Schema:
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {"status": {}} | ({"scale": scale} if kind.scale else {})


def _object_schema(kind: Kind) -> Schema:
    required_spec = any(f.is_required() for f in kind.spec.model_fields.values())
    schema: Schema = {
        "type": "object",
        "description": kind.description,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 63}}},
            "spec": structural(kind.spec),
            "status": structural(kind.status) | {"default": {"observedGeneration": NOT_OBSERVED}},
        },
    }
    return schema | ({"required": ["spec"]} if required_spec else {})


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a pydantic model: no references, no anyOf, no titles."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: Schema, definitions: dict[str, Schema]) -> Schema:
    node = _resolved(node, definitions)
    result = {k: v for k, v in node.items() if k not in DROPPED}
    if "const" in result:
        result["enum"] = [result.pop("const")]
        result.setdefault("type", "string")
    if "properties" in result:
        result["properties"] = {k: _structural(v, definitions) for k, v in result["properties"].items()}
    elif result.get("type") == "object":
        result |= _map_schema(node, definitions)
    if "items" in result:
        result["items"] = _structural(result["items"], definitions)
    return _with_plain_default(result)


def _map_schema(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Maps: of anything, of one type, or of one type under names of a pattern (which only CEL can check)."""
    for pattern, values in node.get("patternProperties", {}).items():
        names = {"rule": f"self.all(name, name.matches('{pattern}'))", "message": f"names must match {pattern}"}
        return {"additionalProperties": _structural(values, definitions), "x-kubernetes-validations": [names]}
    values = node.get("additionalProperties", True)
    if values is True:
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"additionalProperties": _structural(values, definitions)}


def _resolved(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Follows $ref, and takes the one type of `T | None`; what stands beside them wins."""
    beside = {k: v for k, v in node.items() if k not in ("$ref", "anyOf")}
    if "$ref" in node:
        return _resolved(definitions[node["$ref"].rsplit("/", 1)[1]] | beside, definitions)
    if "anyOf" in node:
        (only,) = [option for option in node["anyOf"] if option.get("type") != "null"]
        return _resolved(only | beside, definitions)
    return node


def _with_plain_default(node: Schema) -> Schema:
    """`default: null` is the absence of a default; an empty tuple is an empty list."""
    if "default" in node and node["default"] in (None, (), []):
        node.pop("default")
    return node


def write(folder: Path) -> None:
    """Writes `<folder>/<plural>.yaml` for every kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        text = yaml.safe_dump(crd(kind), sort_keys=False, width=110)
        (folder / f"{kind.plural}.yaml").write_text("# Generated by `make crds` from operator/millwright/api.\n" + text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name))
