"""Model, decided: approval, aliases and what to tell the registry."""

from dataclasses import dataclass
from datetime import datetime

from millwright.api.model import (
    EXTERNAL,
    LATEST,
    MAX_VERSIONS,
    ModelSpec,
    ModelStatus,
    VersionStatus,
)
from millwright.core.actions import DeleteAlias, EnsureModel, ModelAction, SetAlias
from millwright.core.conditions import Fact, merge, ready, stalled, working
from millwright.core.execution import ObjectKey
from millwright.core.plan import Plan
from millwright.core.registry import RegisteredModel, RegisteredVersion

# People move External aliases and delete versions in MLflow, which tells nobody: look now and then.
RESYNC_SECONDS = 30.0


@dataclass(frozen=True)
class ModelObserved:
    """Everything that a decision on a Model depends on."""

    key: ObjectKey
    generation: int
    spec: ModelSpec
    status: ModelStatus
    registered: RegisteredModel | None
    versions: tuple[RegisteredVersion, ...]


ModelPlan = Plan[ModelAction, ModelStatus]


def registered_name(key: ObjectKey, spec: ModelSpec) -> str:
    """Name in the registry."""
    return spec.registered_name or f"{key.namespace}.{key.name}"


def name_is_foreign(key: ObjectKey, spec: ModelSpec) -> bool:
    """True when the registered name belongs to another namespace."""
    return not registered_name(key, spec).startswith(f"{key.namespace}.")


def decide(observed: ModelObserved, now: datetime) -> ModelPlan:
    """What to tell the registry, and the status."""
    name = registered_name(observed.key, observed.spec)
    if name_is_foreign(observed.key, observed.spec):
        message = f"registeredName {name} must begin with '{observed.key.namespace}.'; make a Model with such a name"
        return Plan(_status(observed, now, stalled("ForeignRegisteredName", message)))
    ensure = _ensure(observed, name)
    if observed.registered is None:
        return Plan(_status(observed, now, working("Registering", f"making {name} in the registry")), ensure, 0.0)
    wanted = wanted_aliases(observed)
    actions = (*ensure, *_alias_actions(observed, name, wanted))
    return Plan(_settled(observed, now, wanted), actions, 0.0 if actions else RESYNC_SECONDS)


def approved(spec: ModelSpec, versions: tuple[RegisteredVersion, ...]) -> tuple[RegisteredVersion, ...]:
    """Versions that may be used, oldest first. A version whose gates did not pass never is one."""
    passed = sorted((v for v in versions if v.passed), key=lambda v: int(v.number))
    if spec.approval.policy == "Automatic":
        return tuple(passed)
    return tuple(v for v in passed if v.number in spec.approval.approved_versions)


def wanted_aliases(observed: ModelObserved) -> dict[str, str]:
    """Alias → version, for aliases that have something to point to."""
    assert observed.registered is not None
    usable = approved(observed.spec, observed.versions)
    newest = max((v for v in observed.versions if v.passed), key=lambda v: int(v.number), default=None)
    wanted = {}
    for alias, rule in observed.spec.aliases.items():
        if rule == EXTERNAL:
            target = observed.registered.aliases.get(alias)
        elif rule == LATEST:
            target = newest.number if newest else None
        else:
            target = usable[-1].number if usable else None
        if target is not None:
            wanted[alias] = target
    return wanted


def _ensure(observed: ModelObserved, name: str) -> tuple[ModelAction, ...]:
    tags = {"millwright.namespace": observed.key.namespace, "millwright.model": observed.key.name}
    if observed.spec.owner:
        tags["millwright.owner"] = observed.spec.owner
    description = observed.spec.description or ""
    there = observed.registered
    if there and there.description == description and tags.items() <= there.tags.items():
        return ()
    return (EnsureModel(name, description, tags),)


def _alias_actions(observed: ModelObserved, name: str, wanted: dict[str, str]) -> tuple[ModelAction, ...]:
    """Moves what differs; takes back aliases that we set and the spec no longer names."""
    assert observed.registered is not None
    there = observed.registered.aliases
    moves = tuple(SetAlias(name, a, v) for a, v in sorted(wanted.items()) if there.get(a) != v)
    gone = sorted(a for a in observed.status.aliases if a in there and a not in wanted and _is_ours(observed, a))
    return (*moves, *(DeleteAlias(name, alias) for alias in gone))


def _is_ours(observed: ModelObserved, alias: str) -> bool:
    return observed.spec.aliases.get(alias) != EXTERNAL


def _settled(observed: ModelObserved, now: datetime, wanted: dict[str, str]) -> ModelStatus:
    usable = approved(observed.spec, observed.versions)
    numbers = {v.number for v in usable}
    newest_first = sorted(observed.versions, key=lambda v: int(v.number), reverse=True)
    latest = newest_first[0].number if newest_first else None
    assert observed.registered is not None
    facts = (
        *ready("Synced", f"{len(newest_first)} versions in the registry, {len(usable)} approved"),
        Fact("Registered", "True", "Registered", f"{observed.registered.name} is in the registry"),
        _approval_fact(observed, latest, numbers),
    )
    return _status(observed, now, facts).model_copy(
        update={
            "registered_name": observed.registered.name,
            "registry_url": observed.registered.url,
            "latest_version": latest,
            "approved_version": usable[-1].number if usable else None,
            "aliases": wanted,
            "versions": tuple(_version(v, v.number in numbers) for v in newest_first[:MAX_VERSIONS]),
        }
    )


def _approval_fact(observed: ModelObserved, latest: str | None, approved_numbers: set[str]) -> Fact:
    unknown = sorted(set(observed.spec.approval.approved_versions) - {v.number for v in observed.versions}, key=int)
    if unknown:
        return Fact(
            "Approved", "False", "NoSuchVersion", f"approvedVersions names {', '.join(unknown)}, not in the registry"
        )
    if latest is None:
        return Fact("Approved", "False", "NoVersion", "no TrainingRun has made a version yet")
    if latest in approved_numbers:
        return Fact("Approved", "True", "LatestApproved", f"version {latest} is approved")
    message = f"version {latest} waits for approval: add it to spec.approval.approvedVersions"
    return Fact("Approved", "False", "WaitingForApproval", message)


def _version(version: RegisteredVersion, is_approved: bool) -> VersionStatus:
    return VersionStatus(
        version=version.number,
        digest=version.tags.get("millwright.digest"),
        format=version.tags.get("millwright.format"),
        training_run=version.tags.get("millwright.trainingRun"),
        mlflow_run=version.run_id or None,
        approved=is_approved,
    )


def _status(observed: ModelObserved, now: datetime, facts: tuple[Fact, ...]) -> ModelStatus:
    conditions = merge(observed.status.conditions, facts, observed.generation, now)
    return observed.status.model_copy(update={"observed_generation": observed.generation, "conditions": conditions})
