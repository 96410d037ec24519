"""Models that are built on Models: with which versions of these, and whether those are still the approved ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from millwright.core.aliases import passed
from millwright.core.conditions import Fact, Truth
from millwright.core.registry import RegisteredVersion

CONDITION = "UpToDate"
TAG = "millwright.upstream."


@dataclass(frozen=True)
class Upstream:
    """A Model that another depends on, itself or through others."""

    approved: str | None = None
    depends_on: tuple[str, ...] = ()


# By name; those that are not there are left out.
UpstreamModels = Mapping[str, Upstream]


def approved(models: UpstreamModels) -> dict[str, str]:
    """Name → approved version, of those that have one."""
    return {name: model.approved for name, model in models.items() if model.approved is not None}


def tags(versions: Mapping[str, str]) -> dict[str, str]:
    """Tags that tell which versions of upstream Models were approved when a run was launched."""
    return {f"{TAG}{name}": version for name, version in versions.items()}


def read(tags: Mapping[str, str]) -> dict[str, str]:
    """What such tags tell."""
    return {tag.removeprefix(TAG): version for tag, version in tags.items() if tag.startswith(TAG)}


def fact(name: str, depends_on: Sequence[str], models: UpstreamModels, versions: Sequence[RegisteredVersion]) -> Fact:
    """Whether the newest version of a Model was made with the approved versions of what it depends on."""
    circle, made = cycle(name, depends_on, models), passed(versions)
    if circle:
        message = f"{' → '.join(circle)}: of Models that depend on each other none is ever up to date; end the circle"
        return _told("Unknown", "DependencyCycle", message)
    if not made:
        return _told("Unknown", "NoVersion", "no TrainingRun has made a version yet")
    built, known = read(made[-1].tags), [upstream for upstream in depends_on if upstream in models]
    changed = [_change(u, built.get(u), models[u].approved) for u in known if built.get(u) != models[u].approved]
    if changed:
        return _told("False", "UpstreamChanged", f"version {made[-1].number} was made {'; '.join(changed)}")
    missing = ", ".join(upstream for upstream in depends_on if upstream not in models)
    if missing:
        return _told("Unknown", "UpstreamNotFound", f"no Model {missing} is in the namespace")
    return _told("True", "UpToDate", f"version {made[-1].number} was made with the approved versions")


def cycle(name: str, depends_on: Sequence[str], models: UpstreamModels) -> tuple[str, ...]:
    """A shortest way from a Model back to itself, as names; empty where there is none."""
    seen: set[str] = set()
    ways: list[tuple[str, ...]] = [(name, upstream) for upstream in depends_on]
    for way in ways:  # grows
        if way[-1] == name:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [(*way, further) for further in models.get(way[-1], Upstream()).depends_on]
    return ()


def _change(name: str, built: str | None, approved: str | None) -> str:
    made = f"with version {built} of {name}" if built else f"without a version of {name}"
    return f"{made}, of which {f'version {approved}' if approved else 'no version'} is approved now"


def _told(status: Truth, reason: str, message: str) -> Fact:
    return Fact(CONDITION, status, reason, message)
