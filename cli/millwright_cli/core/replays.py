"""TrainingRuns that repeat an earlier execution."""

from dataclasses import dataclass

from millwright_cli.core.errors import Failure
from millwright_cli.core.kinds import API_VERSION, TRAINING_RUN, Manifest

# Where and within which limits it runs: a replay is no less in need of a GPU, a queue or credentials than the original.
KEPT = (
    "nodePools",
    "queueName",
    "serviceAccountName",
    "storage",
    "activeDeadlineSeconds",
    "backoffLimit",
    "budget",
)
# The API server adds five characters to generateName, and a label takes 63.
LONGEST_STEM = 50


@dataclass(frozen=True)
class OfVersion:
    """A version of a Model."""

    model: str
    version: str


@dataclass(frozen=True)
class OfRun:
    """An execution of a TrainingRun; no key: the last one that ended."""

    name: str
    key: str = ""


def parse(text: str) -> OfVersion | OfRun:
    """`MODEL:VERSION` or `TRAININGRUN[/KEY]`, with or without a kind before it. Raises Failure."""
    model, colon, version = text.partition(":")
    if colon:
        if not (model and version.isdigit()):
            raise Failure(f"{text!r} names no version: write MODEL:VERSION, for example arr-delay:7")
        return OfVersion(model.rpartition("/")[2], version)
    first, *others = text.split("/")
    parts = others if first in TRAINING_RUN.names and others else [first, *others]
    if len(parts) > 2 or not all(parts):
        raise Failure(f"{text!r} names no execution: write TRAININGRUN, or TRAININGRUN/KEY with a key of its history")
    return OfRun(*parts)


def maker(model: Manifest, version: str) -> str | None:
    """Name of the TrainingRun that made the version, if any; None also where the Model tells of newer versions only.

    Raises Failure where there is no such version, or an import made it.
    """
    status = model.get("status") or {}
    entries = {entry["version"]: entry for entry in status.get("versions") or ()}
    if int(version) > int(status.get("latestVersion") or 0):
        known = ", ".join(entries) or "none yet"
        raise Failure(f"Model {model['metadata']['name']} has no version {version}; it has {known}")
    found = entries.get(version) or {}
    if found.get("importedFrom"):
        raise Failure(f"version {version} was imported from {found['importedFrom']}: no execution made it")
    return found.get("trainingRun")


def of_version(what: OfVersion, namespace: str, made_by: Manifest | None) -> Manifest:
    """A replay of a version. `made_by`: the TrainingRun that made it, where that is still there."""
    return _replay(what.model, what.model, namespace, {"modelVersion": what.version}, made_by)


def of_run(what: OfRun, body: Manifest) -> Manifest:
    """A replay of an execution of that TrainingRun. Raises Failure where it has no such one."""
    history = (body.get("status") or {}).get("history") or []
    keys = [entry["execution"] for entry in history if entry.get("execution")]
    if not keys:
        raise Failure(f"no execution of TrainingRun {what.name} has ended yet: there is nothing to repeat")
    if what.key and what.key not in keys:
        raise Failure(f"TrainingRun {what.name} has no execution {what.key}; its history has {', '.join(keys)}")
    model = body["spec"]["output"]["model"]
    return _replay(what.name, model, body["metadata"]["namespace"], {"execution": what.key or keys[0]}, body)


def _replay(stem: str, model: str, namespace: str, what: Manifest, original: Manifest | None) -> Manifest:
    spec = original["spec"] if original else {}
    return {
        "apiVersion": API_VERSION,
        "kind": TRAINING_RUN.kind,
        "metadata": {"generateName": f"{stem[:LONGEST_STEM].rstrip('-.')}-replay-", "namespace": namespace},
        "spec": {"replayOf": what, "output": {"model": model}} | {name: spec[name] for name in KEPT if name in spec},
    }
