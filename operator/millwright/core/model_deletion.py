"""The end of a Model, decided: what goes with it, and who must let go of it first."""

from datetime import datetime

from millwright.api.model import ModelStatus
from millwright.core import retention
from millwright.core.actions import DeleteModel, ModelAction, ReleaseFinalizer
from millwright.core.conditions import working
from millwright.core.model_report import status
from millwright.core.model_state import ModelObserved, registered_name
from millwright.core.plan import Plan

WAIT_SECONDS = 30.0


def deleted(observed: ModelObserved, now: datetime) -> Plan[ModelAction, ModelStatus]:
    """Version by version, so that a kill in between loses no package, and the registered model in the end."""
    if not observed.held:
        return Plan(observed.status)
    if observed.importing:
        return Plan(observed.status, requeue_after=0.0)
    if observed.spec.deletion_policy == "Retain" or observed.registered is None or observed.rival is not None:
        return Plan(observed.status, (ReleaseFinalizer(),))
    if observed.deployed_by:
        return Plan(status(observed, now, working("StillServed", _waiting(observed))), requeue_after=WAIT_SECONDS)
    if observed.versions:
        return Plan(observed.status, retention.deletions(observed, observed.versions), 0.0)
    return Plan(observed.status, (DeleteModel(registered_name(observed.key, observed.spec)), ReleaseFinalizer()))


def _waiting(observed: ModelObserved) -> str:
    servers = ", ".join(f"{served.name} (version {served.version})" for served in observed.deployed_by)
    return f"served by {servers}: delete these Deployments, or set deletionPolicy to Retain to keep what they serve"
