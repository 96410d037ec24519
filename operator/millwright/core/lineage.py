"""Tags that tie MLflow runs and model versions to what made them."""

from typing import Any

from millwright.api.training_run import TrainingRunSpec
from millwright.core.execution import Execution, Package
from millwright.core.training_state import ModelTarget, Observed


def run_tags(observed: Observed, execution: Execution) -> dict[str, str]:
    """Tags of the MLflow run."""
    model = observed.model.registered_name if isinstance(observed.model, ModelTarget) else ""
    return {
        "millwright.namespace": execution.run.namespace,
        "millwright.trainingRun": execution.run.name,
        "millwright.execution": execution.key,
        "millwright.specHash": execution.spec_hash,
        "millwright.attempt": str(execution.attempt),
        "millwright.model": model,
    } | _lineage(observed.subject.spec)


def version_tags(spec: TrainingRunSpec, execution: Execution, package: Package) -> dict[str, str]:
    """Tags of the model version."""
    return {
        "millwright.execution": execution.key,
        "millwright.trainingRun": execution.run.name,
        "millwright.specHash": execution.spec_hash,
        "millwright.digest": package.digest,
        "millwright.format": package.format,
        "millwright.package": package.uri,
        "millwright.gates": "Passed",
    } | _lineage(spec)


def _lineage(spec: TrainingRunSpec) -> dict[str, str]:
    tags: dict[str, Any] = {"mlflow.note.content": spec.message}
    if spec.source:
        tags["millwright.source.repoURL"] = spec.source.repo_url
        tags["millwright.source.revision"] = spec.source.revision
    for dataset in spec.datasets:
        tags[f"millwright.dataset.{dataset.name}"] = f"{dataset.uri} {dataset.digest or ''}".strip()
    return {name: value for name, value in tags.items() if value}
