"""Prometheus metrics of executions, counted when their end stands in the status."""

from millwright import telemetry
from millwright.api.training_results import HistoryEntry
from millwright.api.training_run import TrainingRunSpec, TrainingRunStatus
from millwright.ports import Manifest

TEAM_LABEL = "millwright.dev/team"


def count(body: Manifest, status: TrainingRunStatus) -> None:
    """Counts the executions that ended between the object as it was read and `status`.

    One that is judged again, by changed gates for example, has ended once.
    """
    before = {_identity(entry) for entry in TrainingRunStatus.model_validate(body.get("status") or {}).history}
    for entry in status.history:
        if _identity(entry) not in before:
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
