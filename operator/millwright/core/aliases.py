"""Aliases, decided: which versions may be used, and which of them each alias points to."""

from collections.abc import Mapping, Sequence

from millwright.api.model import BEST_BY, EXTERNAL, LATEST, BestBy, ModelSpec
from millwright.core.conditions import Fact
from millwright.core.registry import RegisteredVersion

Versions = Sequence[RegisteredVersion]


def passed(versions: Versions) -> tuple[RegisteredVersion, ...]:
    """Versions whose gates passed, oldest first: what people registered by hand is none of them."""
    return tuple(sorted((v for v in versions if v.passed), key=lambda v: v.ordinal))


def approved(spec: ModelSpec, versions: Versions) -> tuple[RegisteredVersion, ...]:
    """Versions that may be used, oldest first. A version whose gates did not pass never is one."""
    if spec.approval.policy == "Automatic":
        return passed(versions)
    return tuple(v for v in passed(versions) if v.number in spec.approval.approved_versions)


def best(by: BestBy, versions: Versions) -> RegisteredVersion | None:
    """The best by a metric, of equal ones the newest. One that has no such number is never the best."""
    sign = 1 if by.goal == "Maximize" else -1
    measured = (v for v in versions if by.metric in v.metrics)
    return max(measured, key=lambda v: (sign * v.metrics[by.metric], v.ordinal), default=None)


def wanted(spec: ModelSpec, there: Mapping[str, str], versions: Versions) -> dict[str, str]:
    """Alias → version, for aliases that have something to point to. `there`: where they point to now."""
    targets = {alias: _target(spec, rule, versions) for alias, rule in spec.aliases.items()}
    chosen = {alias: version.number for alias, version in targets.items() if version is not None}
    return {alias: there[alias] for alias in spec.aliases if is_external(spec, alias) and alias in there} | chosen


def is_external(spec: ModelSpec, alias: str) -> bool:
    """Whether people move it."""
    return spec.aliases.get(alias) == EXTERNAL


def _target(spec: ModelSpec, rule: str, versions: Versions) -> RegisteredVersion | None:
    if rule == EXTERNAL:
        return None
    if rule == BEST_BY:
        return best(spec.best_by, approved(spec, versions)) if spec.best_by else None
    usable = passed(versions) if rule == LATEST else approved(spec, versions)
    return usable[-1] if usable else None


def fact(spec: ModelSpec, wanted: Mapping[str, str]) -> Fact:
    """The condition that tells which aliases have nothing to point to, and why."""
    missing = [f"{alias}: {_why(spec, rule)}" for alias, rule in sorted(spec.aliases.items()) if alias not in wanted]
    if missing:
        return Fact("Aliased", "False", "NothingToPointTo", "; ".join(missing))
    return Fact("Aliased", "True", "Aliased", "every alias of the spec points to a version")


def _why(spec: ModelSpec, rule: str) -> str:
    metric = spec.best_by.metric if spec.best_by else ""
    return {
        EXTERNAL: "nobody has set it in MLflow yet",
        BEST_BY: f"no approved version has a value of {metric}",
        LATEST: "no version has passed its gates yet",
    }.get(rule, "no version is approved yet")
