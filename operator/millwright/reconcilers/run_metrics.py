"""Prometheus metrics of executions, counted when their end stands in the status."""

from millwright import telemetry
from millwright.api.training_run import HistoryEntry, TrainingRunSpec, TrainingRunStatus
from millwright.ports import Manifest

TEAM_LABEL = "millwright.dev/team"


def count(body: Manifest, status: TrainingRunStatus) -> None:
    """Counts the executions that ended between the object as it was read and `status`."""
    before = TrainingRunStatus.model_validate(body.get("status") or {}).history
    for entry in status.history:
        if entry not in before:
            _count(body, entry)


def _count(body: Manifest, entry: HistoryEntry) -> None:
    metadata = body["metadata"]
    model = TrainingRunSpec.model_validate(body["spec"]).output.model
    who = (metadata["namespace"], metadata.get("labels", {}).get(TEAM_LABEL, ""), model)
    telemetry.EXECUTIONS.labels(*who, entry.outcome).inc()
    if entry.cost:
        telemetry.COST.labels(*who).inc(float(entry.cost))
