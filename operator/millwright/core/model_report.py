"""The status of a Model, written in one place."""

from collections.abc import Mapping
from datetime import datetime

from millwright.api.common import MetricValue
from millwright.api.model import MAX_DEPLOYED_BY, MAX_METRICS, MAX_VERSIONS, BestBy, ModelStatus, VersionStatus
from millwright.core import aliases, imports, upstream
from millwright.core.conditions import VERDICT, Fact, merge, ready
from millwright.core.model_state import ModelObserved
from millwright.core.registry import RegisteredVersion


def status(observed: ModelObserved, now: datetime, facts: tuple[Fact, ...]) -> ModelStatus:
    """What was known before, with these conditions, and without one on dependencies where there are none any more."""
    known = (c for c in observed.status.conditions if c.type != upstream.CONDITION or observed.spec.depends_on)
    conditions = merge(known, facts, observed.generation, now)
    return observed.status.model_copy(update={"observed_generation": observed.generation, "conditions": conditions})


def settled(observed: ModelObserved, now: datetime, wanted: Mapping[str, str]) -> ModelStatus:
    """What the registry holds. `wanted`: where the aliases point to."""
    assert observed.registered is not None
    usable = aliases.approved(observed.spec, observed.versions)
    newest_first = sorted(observed.versions, key=lambda v: v.ordinal, reverse=True)
    facts = (
        *ready("Synced", f"{len(newest_first)} versions in the registry, {len(usable)} approved"),
        Fact("Registered", "True", "Registered", f"{observed.registered.name} is in the registry"),
        _approval(observed),
        aliases.fact(observed.spec, wanted),
        *_upstream(observed),
    )
    return status(observed, now, facts).model_copy(
        update={
            "registered_name": observed.registered.name,
            "registry_url": observed.registered.url,
            "latest_version": newest_first[0].number if newest_first else None,
            "approved_version": usable[-1].number if usable else None,
            "aliases": dict(wanted),
            "versions": tuple(_version(v, v in usable, observed.spec.best_by) for v in newest_first[:MAX_VERSIONS]),
            "deployed_by": observed.deployed_by[:MAX_DEPLOYED_BY],
        }
    )


def differs(old: ModelStatus, new: ModelStatus) -> bool:
    """Whether there is more to tell than the verdict on the Model itself, which a refusal changes."""
    return _without_verdict(old) != _without_verdict(new)


def _without_verdict(told: ModelStatus) -> ModelStatus:
    kept = tuple(condition for condition in told.conditions if condition.type not in VERDICT)
    return told.model_copy(update={"conditions": kept})


def _upstream(observed: ModelObserved) -> tuple[Fact, ...]:
    """Nothing, where it depends on nothing."""
    names = tuple(reference.name for reference in observed.spec.depends_on)
    return (upstream.fact(observed.key.name, names, observed.upstream, observed.versions),) if names else ()


def _approval(observed: ModelObserved) -> Fact:
    named, passed = observed.spec.approval.approved_versions, aliases.passed(observed.versions)
    unknown = sorted(set(named) - {v.number for v in observed.versions}, key=int)
    if unknown:
        return _not_approved("NoSuchVersion", f"approvedVersions names {', '.join(unknown)}, not in the registry")
    unfit = sorted(set(named) - {v.number for v in passed}, key=int)
    if unfit:
        message = f"approvedVersions names {', '.join(unfit)}, made by hand: only what passed its gates can be approved"
        return _not_approved("GatesNotPassed", message)
    if not passed:
        return _not_approved("NoVersion", "no version has been made yet")
    latest = passed[-1]
    if latest in aliases.approved(observed.spec, observed.versions):
        return Fact("Approved", "True", "LatestApproved", f"version {latest.number} is approved")
    message = f"version {latest.number} waits for approval: add it to spec.approval.approvedVersions"
    return _not_approved("WaitingForApproval", message)


def _not_approved(reason: str, message: str) -> Fact:
    return Fact("Approved", "False", reason, message)


def _version(version: RegisteredVersion, is_approved: bool, best_by: BestBy | None) -> VersionStatus:
    return VersionStatus(
        version=version.number,
        digest=version.tags.get("millwright.digest"),
        format=version.tags.get("millwright.format"),
        training_run=version.tags.get("millwright.trainingRun"),
        imported_from=imports.source_of(version.tags),
        mlflow_run=version.run_id or None,
        approved=is_approved,
        metrics=_metrics(version.metrics, best_by),
    )


def _metrics(measured: Mapping[str, float], best_by: BestBy | None) -> tuple[MetricValue, ...]:
    """The first ones; the metric that decides goes before all."""
    names = sorted(measured, key=lambda name: best_by is None or name != best_by.metric)
    return tuple(MetricValue(name=name[:253], value=measured[name]) for name in names[:MAX_METRICS])
