"""Records: what an execution was launched with, told by tags and kept whole, so that it can be run again.

The copy of an execution is three texts: its pipeline as launched, before it was placed on nodes; its arguments after
conversion; and what else decides the result. docs/contracts.md has their shape.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from millwright import __version__
from millwright.api.training_inputs import Dataset, SourceRevision
from millwright.core import ir
from millwright.core.execution import Execution, Original, Runtime
from millwright.core.ir import DEFAULT_IMAGE, InvalidPipeline, Pipeline
from millwright.core.training_state import PipelineInput

PIPELINE, ARGUMENTS, RECORD = "pipeline.yaml", "parameters.json", "replay.json"
FILES = (PIPELINE, ARGUMENTS, RECORD)
SCHEMA_VERSION = 1
PIPELINE_DIGEST_TAG = "millwright.pipeline.digest"
REPLAY_OF_TAG = "millwright.replayOf"
# MLflow cuts values of tags at some thousand characters, and half a JSON text is none.
MOST_TAG_CHARACTERS = 4000

Record = dict[str, Any]


class InvalidCopy(ValueError):
    """The texts are no copy of an execution."""


@dataclass(frozen=True)
class Copy:
    """An execution's copy, read."""

    original: Original
    pipeline: Pipeline
    arguments: Mapping[str, Any]
    datasets: tuple[Dataset, ...] = ()
    source: SourceRevision | None = None


def record(execution: Execution, launched: PipelineInput) -> Record:
    """What decides the result beside pipeline and arguments, as `replay.json` has it."""
    found = {
        "schemaVersion": SCHEMA_VERSION,
        "trainingRun": execution.run.name,
        "execution": execution.key,
        "replayOf": str(launched.replay_of) if launched.replay_of else None,
        "pipelineDigest": launched.pipeline.digest,
        "images": _images(launched.pipeline, launched.runtime),
        "datasets": [dataset.manifest() for dataset in launched.datasets],
        "source": launched.source.manifest() if launched.source else None,
        "platform": _platform(launched.runtime),
    }
    return {name: value for name, value in found.items() if value is not None}


def tags(launched: PipelineInput) -> dict[str, str]:
    """The same for MLflow; what is too long for a tag is in the copy only."""
    replay_of = {REPLAY_OF_TAG: str(launched.replay_of)} if launched.replay_of else {}
    texts = {
        "millwright.arguments": json.dumps(dict(launched.arguments), sort_keys=True),
        "millwright.images": json.dumps(_images(launched.pipeline, launched.runtime), sort_keys=True),
    }
    return {
        PIPELINE_DIGEST_TAG: launched.pipeline.digest,
        "millwright.platform": _platform(launched.runtime),
        **{name: text for name, text in texts.items() if len(text) <= MOST_TAG_CHARACTERS},
        **replay_of,
    }


def texts(pipeline: Pipeline, arguments: Mapping[str, Any], found: Record) -> dict[str, str]:
    """The copy's three texts by the names of their files."""
    return {
        PIPELINE: pipeline.text(),
        ARGUMENTS: json.dumps(dict(arguments)),
        RECORD: json.dumps(found, indent=1, sort_keys=True),
    }


def beside(package: str) -> str:
    """Where the copy of a package's execution is: not below the package, which is served and digested as a whole."""
    return f"{package.rstrip('/')}.replay"


def read(files: Mapping[str, str]) -> Copy:
    """The copy of these texts. Raises InvalidCopy."""
    try:
        found, arguments = json.loads(files[RECORD]), json.loads(files[ARGUMENTS])
        if found["schemaVersion"] != SCHEMA_VERSION:
            raise ValueError(f"its schemaVersion is {found['schemaVersion']}, known is {SCHEMA_VERSION}")
        return Copy(
            original=Original(found["trainingRun"], found["execution"]),
            pipeline=ir.parse(files[PIPELINE]),
            arguments=dict(arguments),
            datasets=tuple(Dataset.model_validate(dataset) for dataset in found["datasets"]),
            source=SourceRevision.model_validate(found["source"]) if "source" in found else None,
        )
    except (InvalidPipeline, KeyError, TypeError, ValueError) as error:
        raise InvalidCopy(f"it cannot be read: {type(error).__name__}: {error}") from error


def _images(pipeline: Pipeline, runtime: Runtime) -> dict[str, str]:
    """As named; where a step names none of its own, the platform's."""
    named = {step.name: step.image for step in pipeline.steps}
    return {step: runtime.image if not image or DEFAULT_IMAGE.match(image) else image for step, image in named.items()}


def _platform(runtime: Runtime) -> str:
    return f"millwright {__version__}, {f'{runtime.backend} {runtime.version}'.strip()}"
