"""Tags that tie MLflow runs and model versions to what made them."""

import json
from collections.abc import Sequence
from math import isfinite
from typing import Any

from millwright.api.training_inputs import Dataset, SourceRevision
from millwright.api.training_run import MAX_METRICS, TrainingRunSpec
from millwright.core import gates, records, upstream, verdicts
from millwright.core.execution import Execution, Package, TrackedRun
from millwright.core.gates import Verdict
from millwright.core.records import MOST_TAG_CHARACTERS
from millwright.core.registry import METRICS_TAG
from millwright.core.replay import OF_THE_MACHINE
from millwright.core.training_state import Missing, ModelTarget, Observed


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
    } | launch_tags(observed)


def launch_tags(observed: Observed) -> dict[str, str]:
    """Those of them that tell what is launched: another pipeline under the same name is another launch."""
    spec, launched = observed.subject.spec, observed.pipeline
    shown = {"mlflow.note.content": spec.message} if spec.message else {}  # what MLflow's page of the run shows
    if isinstance(launched, Missing):
        return shown | _lineage(spec.message, spec.datasets, spec.source)
    told = shown | _lineage(spec.message, launched.datasets, launched.source) | records.tags(launched)
    return told | upstream.tags(observed.upstream)


def version_tags(
    spec: TrainingRunSpec, execution: Execution, package: Package, passed: Sequence[Verdict]
) -> dict[str, str]:
    """Tags of the model version. `passed`: the verdicts that it is registered for."""
    return {
        "millwright.execution": execution.key,
        "millwright.trainingRun": execution.run.name,
        "millwright.specHash": execution.spec_hash,
        "millwright.digest": package.digest,
        "millwright.format": package.format,
        "millwright.package": package.uri,
        "millwright.gates": "Passed",
        verdicts.TAG: verdicts.tag(passed),
    } | _lineage(spec.message, spec.datasets, spec.source)


def result_tags(spec: TrainingRunSpec, tracked: TrackedRun) -> dict[str, str]:
    """Tags of the model version that tell what its run measured, and was built on: so one look compares all versions.

    Metrics that gates judge go first: where a tag takes no more, the others are left out.
    """
    measured = {n: v for n, v in tracked.metrics.items() if isfinite(v) and not n.startswith(OF_THE_MACHINE)}
    names = dict.fromkeys((*gates.metrics(spec), *sorted(measured)))
    told = {name: measured[name] for name in list(names)[:MAX_METRICS] if name in measured}
    while len(json.dumps(told)) > MOST_TAG_CHARACTERS:
        told.popitem()
    return {METRICS_TAG: json.dumps(told)} | upstream.tags(tracked.upstream)


def _lineage(message: str | None, datasets: tuple[Dataset, ...], source: SourceRevision | None) -> dict[str, str]:
    tags: dict[str, Any] = {"millwright.message": message}
    if source:
        tags["millwright.source.repoURL"] = source.repo_url
        tags["millwright.source.revision"] = source.revision
    for dataset in datasets:
        tags[f"millwright.dataset.{dataset.name}"] = f"{dataset.uri} {dataset.digest or ''}".strip()
    return {name: value for name, value in tags.items() if value}
