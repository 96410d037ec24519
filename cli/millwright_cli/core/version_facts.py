"""What is known of a model version: from the cluster, and from MLflow, which has more and keeps it longer.

docs/contracts.md names the tags, and the ConfigMap that an execution leaves behind.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright_cli.core import comparison
from millwright_cli.core.comparison import Facts
from millwright_cli.core.kinds import Manifest

DATASET, OF_THE_MACHINE = "millwright.dataset.", "system/"
SOURCE_TAGS = {
    "repoURL": "millwright.source.repoURL",
    "revision": "millwright.source.revision",
    "message": "millwright.message",
    "trainingRun": "millwright.trainingRun",
    "imported from": "millwright.import.uri",
}
PACKAGE_TAGS = {"format": "millwright.format", "digest": "millwright.digest"}
ARGUMENTS_FILE, RECORD_FILE = "parameters.json", "replay.json"


@dataclass(frozen=True)
class Registered:
    """A version as MLflow has it, with its run's parameters, metrics and tags; empty where the run is gone."""

    tags: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    run_tags: Mapping[str, str] = field(default_factory=dict)


def from_mlflow(version: str, found: Registered) -> Facts:
    """Everything that MLflow tells of a version."""
    tags, run_tags = found.tags, found.run_tags
    measured = {name: value for name, value in found.metrics.items() if not name.startswith(OF_THE_MACHINE)}
    launched = {"pipeline": run_tags.get("millwright.pipeline.digest"), **_images(run_tags.get("millwright.images"))}
    sections = {
        comparison.PARAMETERS: _mapping(run_tags.get("millwright.arguments")),
        comparison.LOGGED: found.parameters,
        comparison.METRICS: measured,
        comparison.DATASETS: {n.removeprefix(DATASET): v for n, v in tags.items() if n.startswith(DATASET)},
        comparison.SOURCE: _known({name: tags.get(tag) for name, tag in SOURCE_TAGS.items()} | launched),
        comparison.PACKAGE: _known({name: tags.get(tag) for name, tag in PACKAGE_TAGS.items()}),
    }
    return Facts(version, sections)


def from_cluster(entry: Manifest, copy: Mapping[str, str] | None) -> Facts:
    """What a version's entry in the Model's status tells, and the copy of its execution where that is still there."""
    version = str(entry["version"])
    origin = {"trainingRun": entry.get("trainingRun"), "imported from": entry.get("importedFrom")}
    sections: dict[str, dict[str, Any]] = {
        comparison.METRICS: {metric["name"]: metric["value"] for metric in entry.get("metrics") or ()},
        comparison.SOURCE: _known(origin),
        comparison.PACKAGE: _known({name: entry.get(name) for name in PACKAGE_TAGS}),
    }
    if copy is None:
        note = f"the copy of what version {version} was made with is not in the cluster any more"
        return Facts(version, sections, (note,))
    record = _mapping(copy.get(RECORD_FILE))
    launched = {"pipeline": record.get("pipelineDigest"), **(record.get("source") or {})}
    sections[comparison.SOURCE] |= _known(launched) | _named_images(record.get("images") or {})
    sections[comparison.PARAMETERS] = _mapping(copy.get(ARGUMENTS_FILE))
    sections[comparison.DATASETS] = {
        dataset["name"]: f"{dataset['uri']} {dataset.get('digest') or ''}".strip()
        for dataset in record.get("datasets") or ()
    }
    order = (comparison.PARAMETERS, comparison.METRICS, comparison.DATASETS, comparison.SOURCE, comparison.PACKAGE)
    return Facts(version, {name: sections[name] for name in order})


def execution_of(version: str, run: Manifest) -> str | None:
    """Key of the execution that became the version, as far as that TrainingRun's history goes back."""
    history = (run.get("status") or {}).get("history") or ()
    return next((entry.get("execution") for entry in history if entry.get("modelVersion") == version), None)


def _images(text: str | None) -> dict[str, str]:
    return _named_images(_mapping(text))


def _named_images(images: Mapping[str, Any]) -> dict[str, str]:
    return {f"image of {step}": str(image) for step, image in images.items()}


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _mapping(text: str | None) -> dict[str, Any]:
    """A JSON object; empty where the text is none: training code may have written it."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
