"""What GitOps tools take our objects for, in each of their states."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tests.fakes import states
from tests.fakes.states import changed_run, deleted, ended_run, new_model, run, served, synced, unserved
from tests.fakes.world import KEY

from millwright.core.execution import Cause
from millwright.ports import Manifest, RejectedError

NO_ROWS = Cause("Error", "no rows")
GATE = {"metric": "roc_auc", "operator": ">=", "threshold": 0.9}
MANUAL = {"approval": {"policy": "Manual"}}
PINNED = {"name": KEY.name, "version": "1"}
REFUSED = RejectedError("mlflow refused it: the name is taken")


@dataclass(frozen=True)
class Seen:
    """An object in a state, what kstatus says of it, and Argo CD's health check (None: it is not asked)."""

    make: Callable[[], Awaitable[Manifest]]
    kstatus: str
    argo_cd: str | None


WORKING, DONE, STUCK = ("InProgress", "Progressing"), ("Current", "Healthy"), ("Failed", "Degraded")
VERDICTS: dict[str, Seen] = {
    "a TrainingRun that nobody has looked at": Seen(run, *WORKING),
    "a TrainingRun that waits for its Model": Seen(states.run_without_model, *WORKING),
    "a TrainingRun that waits for a queue": Seen(partial(run, 2, queueName="team"), *WORKING),
    "a TrainingRun that waits for MLflow": Seen(states.run_without_registry, *WORKING),
    "a TrainingRun that runs": Seen(partial(run, 3), *WORKING),
    "a TrainingRun that is suspended": Seen(partial(run, 3, suspend=True), "InProgress", "Suspended"),
    "a TrainingRun that succeeded": Seen(ended_run, *DONE),
    "a TrainingRun that succeeded and was suspended then": Seen(partial(changed_run, looks=3, suspend=True), *DONE),
    "a TrainingRun that succeeded, and an outage since is over": Seen(states.run_with_outage_after_its_end, *DONE),
    "a TrainingRun that succeeded with another spec": Seen(partial(changed_run, cache=False), *WORKING),
    "a TrainingRun that failed": Seen(partial(ended_run, NO_ROWS), *STUCK),
    "a TrainingRun that failed with another spec": Seen(partial(changed_run, NO_ROWS, cache=False), *WORKING),
    "a TrainingRun that missed a gate": Seen(partial(ended_run, gates=[GATE]), *STUCK),
    "a TrainingRun with a wrong parameter": Seen(partial(run, 1, parameters={"tain_months": "1"}), *STUCK),
    "a TrainingRun that is deleted": Seen(partial(deleted, run), "Terminating", None),
    "a Model that nobody has looked at": Seen(new_model, *WORKING),
    "a Model that is being registered": Seen(partial(new_model, 1), *WORKING),
    "a Model that waits for MLflow": Seen(partial(states.model_without_registry, states.OUTAGE), *WORKING),
    "a Model that MLflow refuses": Seen(partial(states.model_without_registry, REFUSED), *STUCK),
    "a Model with a name of another namespace": Seen(partial(new_model, 1, registeredName="hotels.prices"), *STUCK),
    "a Model in step with the registry": Seen(synced, *DONE),
    "a Model with a version that waits for approval": Seen(partial(synced, **MANUAL), *DONE),
    "a Model that was changed": Seen(partial(synced, MANUAL), *WORKING),
    "a Model while MLflow is down": Seen(states.model_in_outage, *WORKING),
    "a Model that is deleted": Seen(partial(deleted, synced), "Terminating", None),
    "a Deployment that nobody has looked at": Seen(partial(unserved, 0), *WORKING),
    "a Deployment that waits for its Model": Seen(states.deployment_without_model, *WORKING),
    "a Deployment that waits for its alias": Seen(partial(unserved, model_spec=MANUAL), *WORKING),
    "a Deployment that waits for an approval": Seen(partial(unserved, model_spec=MANUAL, model=PINNED), *WORKING),
    "a Deployment whose pods start": Seen(unserved, *WORKING),
    "a Deployment that serves": Seen(served, *DONE),
    "a Deployment whose next version starts": Seen(partial(states.served_while_the_next_version, 3), *WORKING),
    "a Deployment whose next version was given up": Seen(
        partial(states.served_while_the_next_version, 20, progressDeadlineSeconds=10), *STUCK
    ),
    "a Deployment that lost its pods": Seen(states.pods_lost, *WORKING),
    "a Deployment while MLflow is down": Seen(states.served_in_outage, *DONE),
    "a Deployment that is scaled to zero": Seen(partial(served, replicas=0), *DONE),
    "a Deployment that the operator does not understand": Seen(partial(unserved, replicas="many"), *STUCK),
    "a Deployment that is deleted": Seen(partial(deleted, served), "Terminating", None),
}
