"""Runs of Kubeflow Pipelines and the pods of their steps, read as what decisions need."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml

from millwright.core import pod_state
from millwright.core.execution import Phase, PodUse, Task
from millwright.core.ir import Pipeline
from millwright.core.placement import TASK_LABEL
from millwright.core.pods import NODE_POOL_LABEL
from millwright.ports import Manifest

Json = Mapping[str, Any]
PHASES = {
    "SUCCEEDED": Phase.SUCCEEDED,
    "SKIPPED": Phase.SUCCEEDED,
    "FAILED": Phase.FAILED,
    "CANCELED": Phase.FAILED,
    "PENDING": Phase.PENDING,
    "RUNTIME_STATE_UNSPECIFIED": Phase.PENDING,
}
MAIN = "main"
# The worst state of a task's pods is the task's.
STATES = ("Failed", "Running", "Pending", "Succeeded")


def phase(run: Json) -> Phase:
    """How far the server says the run is."""
    return PHASES.get(run.get("state", "RUNTIME_STATE_UNSPECIFIED"), Phase.RUNNING)


def begun(said: Phase, pods: Iterable[Manifest]) -> Phase:
    """The server calls a run Running from its first driver on; to a person it is Pending until a step runs."""
    found = list(pods)
    waits = bool(found) and not any(pod_state.has_started(pod) for pod in found)
    return Phase.PENDING if said is Phase.RUNNING and waits else said


def under_way(run: Json) -> bool:
    """Whether its pods may still run."""
    return phase(run) in (Phase.PENDING, Phase.RUNNING)


def archived(run: Json) -> bool:
    """Whether it was taken out of sight."""
    return run.get("storage_state") == "ARCHIVED"


def canceling(run: Json) -> bool:
    """Whether it was told to end."""
    return run.get("state") == "CANCELING"


def created(run: Json) -> datetime | None:
    """When the server took it."""
    return pod_state.time(run.get("created_at"))


def submitted(pipeline: Pipeline) -> dict[str, Any]:
    """The pipeline as `pipeline_spec` of a run: with its platform document, where there is one."""
    if not pipeline.platform:
        return dict(pipeline.spec)
    return {"pipeline_spec": dict(pipeline.spec), "platform_spec": dict(pipeline.platform)}


def ir_text(spec: Json) -> str:
    """IR YAML of an uploaded pipeline."""
    documents = [spec["pipeline_spec"], spec.get("platform_spec")] if "pipeline_spec" in spec else [spec]
    return str(yaml.safe_dump_all([document for document in documents if document]))


def waiting_for(pods: Iterable[Manifest]) -> str:
    """Why the first step that waits does, in Kubernetes' own words; empty where none does."""
    waits = (p for p in pods if _state(p) == "Pending")
    return next((f"step {_task(p)}: {pod_state.waiting_for(p)}" for p in waits), "")


def blocked(pods: Iterable[Manifest]) -> str | None:
    """The reason for which a step's pod cannot start without a change, or None."""
    return next((reason for reason in map(pod_state.blocked, pods) if reason), None)


def uses(pods: Iterable[Manifest]) -> tuple[PodUse, ...]:
    """The time that steps held nodes."""
    return pod_state.uses(pods)


def tasks(run: Json, pods: Sequence[Manifest]) -> tuple[Task, ...]:
    """One task for each step that has pods, in the order in which they came."""
    by_task: dict[str, list[Manifest]] = {}
    for pod in pods:
        by_task.setdefault(_task(pod), []).append(pod)
    return tuple(_of_pods(name, found) for name, found in by_task.items())


def _of_pods(name: str, pods: Sequence[Manifest]) -> Task:
    state = next(state for state in STATES if any(_state(pod) == state for pod in pods))
    shown = next(pod for pod in reversed(pods) if _state(pod) == state)
    waits = f"{pod_state.waiting_for(shown)}" if state == "Pending" else ""
    ended = sum(_state(pod) == "Succeeded" for pod in pods)
    many = f"{ended} of {len(pods)} pods succeeded" if len(pods) > 1 else ""
    return Task(
        name=name,
        state=state,
        pod_name=shown["metadata"]["name"],
        node_pool=shown["metadata"]["labels"].get(NODE_POOL_LABEL),
        message="; ".join(filter(None, (many, waits))),
    )


def _state(pod: Manifest) -> str:
    found = pod.get("status", {}).get("phase", "Pending")
    return found if found in STATES else "Pending"


def _task(pod: Manifest) -> str:
    return str(pod["metadata"]["labels"].get(TASK_LABEL, pod["metadata"]["name"]))
