"""MLflow's JSON, and the texts of our tags in it, as our values and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from millwright.core.execution import Cause, Package, Task
from millwright.core.registry import RegisteredVersion

SUCCEEDED = "Succeeded"
MOST_MESSAGE_CHARACTERS = 2000


def version(found: dict[str, Any]) -> RegisteredVersion:
    """A version of a registered model."""
    return RegisteredVersion(str(found["version"]), found.get("run_id", ""), mapping(found.get("tags", [])))


def package(tag: str) -> Package | None:
    """What the packaging Job wrote of its package, or None."""
    if not tag:
        return None
    found = json.loads(tag)
    return Package(found["uri"], found["digest"], found["format"], found.get("modelId"), found.get("sourceDigest"))


def metrics(run: dict[str, Any]) -> dict[str, float]:
    """The last value of each metric of a run."""
    return {m["key"]: float(m["value"]) for m in run.get("data", {}).get("metrics", [])}


def outcome_text(cause: Cause | None) -> str:
    """How a run ended, as `outcome` reads it."""
    if cause is None:
        return json.dumps({"reason": SUCCEEDED})
    known = {key: value for key, value in asdict(cause).items() if value is not None}
    return json.dumps(known | {"message": cause.message[-MOST_MESSAGE_CHARACTERS:]})


def outcome(tag: str) -> dict[str, Any]:
    """`succeeded` and `failure` of a tracked run, as `close_run` wrote them; nothing where somebody else did."""
    try:
        found = json.loads(tag or "{}")
        return {"succeeded": True} if found.get("reason") == SUCCEEDED else {"failure": Cause(**found)}
    except (ValueError, TypeError, AttributeError):
        return {}


def tasks(tag: str) -> tuple[Task, ...]:
    """Steps of a pipeline, as the runner tells them."""
    return tuple(Task(t["name"], t["state"]) for t in json.loads(tag)) if tag else ()


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as MLflow takes them."""
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]


def mapping(pairs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags as MLflow gives them."""
    return {pair["key"]: pair.get("value", "") for pair in pairs}
