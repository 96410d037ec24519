"""The tables that `diff` shows."""

from typing import Any

from rich.table import Table
from rich.text import Text

from millwright_cli.core import comparison
from millwright_cli.core.comparison import ADDED, CHANGED, REMOVED, SAME, Comparison, Row

TITLES = {
    comparison.PARAMETERS: "Parameters of the pipeline",
    comparison.LOGGED: "Parameters that training code logged",
    comparison.METRICS: "Metrics",
    comparison.DATASETS: "Data sets",
    comparison.SOURCE: "Made of",
    comparison.PACKAGE: "Package",
}
MARKS = {SAME: "", CHANGED: "≠", ADDED: "+", REMOVED: "-"}
STYLES = {SAME: "dim", CHANGED: "yellow", ADDED: "green", REMOVED: "red"}


def tables(found: Comparison) -> list[Table]:
    """A table for each section."""
    return [_table(found, name, rows) for name, rows in found.sections.items()]


def _table(found: Comparison, name: str, rows: tuple[Row, ...]) -> Table:
    made = Table(title=TITLES[name], title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2))
    made.add_column("")
    made.add_column("")
    for version in found.versions:
        made.add_column(f"version {version}", overflow="fold")
    for row in rows:
        cells = (MARKS[row.change], row.name, _shown(row.first), _shown(row.second) + _delta(row))
        made.add_row(*(Text(cell, STYLES[row.change]) for cell in cells))
    return made


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _delta(row: Row) -> str:
    return f" ({row.delta:+.6g})" if row.delta is not None else ""
