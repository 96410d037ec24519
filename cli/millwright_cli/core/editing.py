"""A changed spec as a merge patch (RFC 7386), and as what a person is told of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One field of the spec: None where it was, or is, not there."""

    field: str
    before: Any
    after: Any


def merge_patch(old: Spec, new: Spec) -> dict[str, Any]:
    """What turns `old` into `new`; empty where they are equal. Neither has a null in it, as in the Kubernetes API."""
    gone = {name: None for name in old if name not in new}
    return gone | {name: _patched(old.get(name), value) for name, value in new.items() if old.get(name) != value}


def _patched(old: Any, new: Any) -> Any:
    """Of something that was no map, the map alone: a patch of nothing has no nulls to write."""
    return merge_patch(old if isinstance(old, Mapping) else {}, new) if isinstance(new, Mapping) else new


def changes(old: Spec, new: Spec, path: str = "spec") -> tuple[Change, ...]:
    """The single fields that differ, by name. A list is one field: whoever writes it replaces it as a whole."""
    return tuple(_changes(old, new, path))


def _changes(old: Any, new: Any, path: str) -> Iterator[Change]:
    if not (isinstance(old, Mapping | None) and isinstance(new, Mapping | None)):
        yield Change(path, old, new)
        return
    before, after = old or {}, new or {}
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}")
