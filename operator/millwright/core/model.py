"""Model, decided: what to tell the registry, and the status."""

from collections.abc import Mapping
from datetime import datetime

from millwright.api.model import ModelStatus
from millwright.core import aliases, retention
from millwright.core.actions import DeleteAlias, EnsureModel, HoldFinalizer, ModelAction, ReleaseFinalizer, SetAlias
from millwright.core.conditions import stalled, working
from millwright.core.model_deletion import deleted
from millwright.core.model_report import differs, settled, status
from millwright.core.model_state import ModelObserved, name_is_foreign, registered_name
from millwright.core.plan import Plan

# Somebody else has the name: whether that is still so.
RESYNC_SECONDS = 30.0
# Whose registered model changes is woken. What a list of those does not show, as tags of versions, is seen by this.
REST_SECONDS = 600.0
AT_ONCE = 0.0

ModelPlan = Plan[ModelAction, ModelStatus]


def decide(observed: ModelObserved, now: datetime) -> ModelPlan:
    """What to tell the registry, and the status.

    Versions are deleted last, when all else is told: storage that refuses it then holds up nothing else.
    """
    if observed.deleting:
        return deleted(observed, now)
    name, wrong = registered_name(observed.key, observed.spec), _not_ours(observed)
    if wrong is not None:
        release = _finalizer(observed, held=False)
        return Plan(status(observed, now, stalled(*wrong)), release, RESYNC_SECONDS)
    held = observed.importing or observed.spec.deletion_policy == "Delete"
    ensure = (*_finalizer(observed, held), *_ensure(observed, name))
    if observed.registered is None:
        facts = working("Registering", f"making {name} in the registry")
        return Plan(status(observed, now, facts), ensure, AT_ONCE)
    wanted = aliases.wanted(observed.spec, observed.registered.aliases, observed.versions)
    actions = (*ensure, *_alias_actions(observed, name, wanted))
    told, expired = settled(observed, now, wanted), retention.expired(observed)
    if actions or not expired:
        return Plan(told, actions, AT_ONCE if actions else REST_SECONDS)
    if differs(observed.status, told):
        return Plan(told, requeue_after=AT_ONCE)
    return Plan(told, retention.deletions(observed, expired), AT_ONCE)


def _not_ours(observed: ModelObserved) -> tuple[str, str] | None:
    """Reason and message, where the registered name belongs to somebody else: nothing of it is touched then."""
    name, namespace = registered_name(observed.key, observed.spec), observed.key.namespace
    if name_is_foreign(observed.key, observed.spec):
        message = f"registeredName {name} must begin with '{namespace}.'; make a Model with such a name"
        return "ForeignRegisteredName", message
    if observed.rival is not None:
        message = f"{name} is Model {observed.rival}'s; delete that one, or make a Model with another name"
        return "RegisteredNameTaken", message
    return None


def _finalizer(observed: ModelObserved, held: bool) -> tuple[ModelAction, ...]:
    """Before anything is made that is to go with the object, and only then: else it can be deleted without us."""
    if observed.held == held:
        return ()
    return (HoldFinalizer(),) if held else (ReleaseFinalizer(),)


def _ensure(observed: ModelObserved, name: str) -> tuple[ModelAction, ...]:
    tags = {"millwright.namespace": observed.key.namespace, "millwright.model": observed.key.name}
    if observed.spec.owner:
        tags["millwright.owner"] = observed.spec.owner
    description = observed.spec.description or ""
    there = observed.registered
    if there and there.description == description and tags.items() <= there.tags.items():
        return ()
    return (EnsureModel(name, description, tags),)


def _alias_actions(observed: ModelObserved, name: str, wanted: Mapping[str, str]) -> tuple[ModelAction, ...]:
    """Moves what differs; takes away ours that have nothing to point to, or that the spec no longer names."""
    assert observed.registered is not None
    there = observed.registered.aliases
    moves = tuple(SetAlias(name, a, v) for a, v in sorted(wanted.items()) if there.get(a) != v)
    ours = {a for a in (*observed.spec.aliases, *observed.status.aliases) if not aliases.is_external(observed.spec, a)}
    gone = sorted(alias for alias in ours if alias in there and alias not in wanted)
    return (*moves, *(DeleteAlias(name, alias) for alias in gone))
