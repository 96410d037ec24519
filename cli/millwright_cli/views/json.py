"""Values as JSON, with the names that YAML would have."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any


def text(value: Any, indent: int | None = 2) -> str:
    """The value's JSON. A dataclass is an object with its fields in camelCase."""
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {_camel(field.name): _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(found) for name, found in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(found) for found in value]
    # JSON has no word for these.
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
