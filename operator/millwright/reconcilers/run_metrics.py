"""Prometheus metrics of executions, counted when their end stands in the status."""

from millwright import telemetry
from millwright.api.training_results import HistoryEntry
from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus
from millwright.ports import Manifest

TEAM_LABEL = "millwright.dev/team"


def count(body: Manifest, before: TrainingRunStatus, status: TrainingRunStatus) -> None:
    """Counts the executions that ended between two statuses.

    One that is judged again, by changed gates for example, has ended once.
    """
    known = {_identity(entry) for entry in before.history}
    for entry in status.history:
        if _identity(entry) not in known:
            _count(body, entry)


def _identity(entry: HistoryEntry) -> tuple[str, int]:
    return (entry.spec_hash, entry.attempt)


def _count(body: Manifest, entry: HistoryEntry) -> None:
    metadata = body["metadata"]
    model = TrainingRunSpec.model_validate(body["spec"]).output.model
    who = (metadata["namespace"], metadata.get("labels", {}).get(TEAM_LABEL, ""), model)
    telemetry.EXECUTIONS.labels(*who, entry.outcome).inc()
    if entry.cost:
        telemetry.COST.labels(*who).inc(float(entry.cost))
