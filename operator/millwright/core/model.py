"""Model, decided: what to tell the registry, and the status."""

from collections.abc import Mapping
from datetime import datetime

from millwright.api.model import ModelStatus
from millwright.core import aliases, retention
from millwright.core.actions import DeleteAlias, EnsureModel, ModelAction, SetAlias
from millwright.core.conditions import stalled, working
from millwright.core.model_report import differs, settled, status
from millwright.core.model_state import ModelObserved, name_is_foreign, registered_name
from millwright.core.plan import Plan

# People move External aliases and delete versions in MLflow, which tells nobody: look now and then.
RESYNC_SECONDS = 30.0
AT_ONCE = 0.0
# Versions that one look deletes: each takes some calls, and others wait for the worker.
AT_A_TIME = 20

ModelPlan = Plan[ModelAction, ModelStatus]


def decide(observed: ModelObserved, now: datetime) -> ModelPlan:
    """What to tell the registry, and the status.

    Versions are deleted last, when all else is told: storage that refuses it then holds up nothing else.
    """
    name = registered_name(observed.key, observed.spec)
    if name_is_foreign(observed.key, observed.spec):
        message = f"registeredName {name} must begin with '{observed.key.namespace}.'; make a Model with such a name"
        return Plan(status(observed, now, stalled("ForeignRegisteredName", message)))
    ensure = _ensure(observed, name)
    if observed.registered is None:
        facts = working("Registering", f"making {name} in the registry")
        return Plan(status(observed, now, facts), ensure, AT_ONCE)
    wanted = aliases.wanted(observed.spec, observed.registered.aliases, observed.versions)
    actions = (*ensure, *_alias_actions(observed, name, wanted))
    told, expired = settled(observed, now, wanted), retention.expired(observed)
    if actions or not expired:
        return Plan(told, actions, AT_ONCE if actions else RESYNC_SECONDS)
    if differs(observed.status, told):
        return Plan(told, requeue_after=AT_ONCE)
    return Plan(told, tuple(retention.deletion(observed, v) for v in expired[:AT_A_TIME]), AT_ONCE)


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
