"""docs/failure-reasons.md has every reason that the code can give."""

import ast
from collections.abc import Iterator
from pathlib import Path

from millwright.core import packaging, pod_state
from millwright.core.history import SUPERSEDED
from millwright.core.node_pools import InvalidPlacement
from millwright.core.parameters import InvalidParameter

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "failure-reasons.md").read_text()
SOURCES = [
    path for folder in ("operator/millwright", "pipelines/millwright_runner") for path in (ROOT / folder).rglob("*.py")
]
# What takes a reason, and as which argument.
TAKES_REASON = {"working": 0, "stalled": 0, "unavailable": 0, "ready": 0, "Missing": 0, "Cause": 0, "Fact": 2}
TAKES_REASON |= {"Failed": 0, "Rejected": 0, "Outcome": 1, "Hold": 0, "given_up": 2}
# Reasons that are not written at such a place.
ELSEWHERE = {InvalidParameter.__name__, InvalidPlacement.__name__, SUPERSEDED, "OOMKilled"}
ELSEWHERE |= {
    *pod_state.BLOCKED,
    *pod_state.DISRUPTIONS.values(),
    *pod_state.STATUS_REASONS.values(),
    *packaging.TRANSIENT,
}
# What a stage tells the next, and what a replica without the lease tells its log: it may write no status.
INTERNAL = {"Launched", "LeaseUnavailable"}


def reasons(path: Path) -> Iterator[str]:
    """Reasons that a module writes: as a text, or by the name of a constant of its own."""
    tree = ast.parse(path.read_text())
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name == "DependencyError" and isinstance(node.args[0], ast.Constant):
            yield f"{str(node.args[0].value).capitalize()}Unavailable"
        elif name in TAKES_REASON and len(node.args) > TAKES_REASON[name]:
            argument = node.args[TAKES_REASON[name]]
            found = argument.value if isinstance(argument, ast.Constant) else constants.get(ast.unparse(argument))
            if isinstance(found, str):
                yield found
        for keyword in node.keywords:
            if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value)


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from _assigned(node.targets[0], node.value)


def _assigned(name: ast.expr, value: ast.expr) -> Iterator[tuple[str, object]]:
    if isinstance(name, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(name.elts, value.elts, strict=True):
            yield from _assigned(one, its)
    elif isinstance(value, ast.Constant):
        yield ast.unparse(name), value.value


def test_every_reason_has_its_line() -> None:
    found = {(reason, path.name) for path in SOURCES for reason in reasons(path)}
    found |= {(reason, "elsewhere") for reason in ELSEWHERE}
    assert len(found) > 80, "is this still how reasons are written?"
    assert {(reason, name) for reason, name in found if f"`{reason}`" not in PAGE and reason not in INTERNAL} == set()
