"""Two versions of a Model side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

Values = Mapping[str, Any]
SAME, CHANGED, ADDED, REMOVED = "same", "changed", "added", "removed"
PARAMETERS, LOGGED, METRICS, DATASETS, SOURCE, PACKAGE = (
    "parameters",
    "loggedParameters",
    "metrics",
    "datasets",
    "source",
    "package",
)


@dataclass(frozen=True)
class Facts:
    """What is known of a version, by section. `notes`: what could not be read, and what to do for it."""

    version: str
    sections: Mapping[str, Values]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One value of both versions; None where a version has none. `delta`: second less first, of numbers."""

    name: str
    first: Any
    second: Any
    change: str
    delta: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The sections that at least one of the versions has."""

    model: str
    versions: tuple[str, str]
    sections: Mapping[str, tuple[Row, ...]]
    notes: tuple[str, ...]


def compare(model: str, first: Facts, second: Facts) -> Comparison:
    """All values by name, whether they changed or not. A section that is unknown of one version is left out."""
    both = [name for name in first.sections if name in second.sections]
    sections = {name: tuple(_rows(first.sections[name], second.sections[name])) for name in both}
    notes = tuple(dict.fromkeys((*first.notes, *second.notes)))
    present = {name: rows for name, rows in sections.items() if rows}
    return Comparison(model, (first.version, second.version), present, notes)


def _rows(first: Values, second: Values) -> Iterable[Row]:
    for name in sorted({*first, *second}):
        before, after = first.get(name), second.get(name)
        yield Row(name, before, after, _change(before, after), _delta(before, after))


def _change(before: Any, after: Any) -> str:
    if before is None:
        return ADDED
    if after is None:
        return REMOVED
    return SAME if before == after or str(before) == str(after) == "nan" else CHANGED


def _delta(before: Any, after: Any) -> float | None:
    """Of finite numbers that differ."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and isfinite(v) for v in (before, after))
    return after - before if numbers and before != after else None
