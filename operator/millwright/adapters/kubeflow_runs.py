"""Runs of Kubeflow Pipelines and the pods of their steps, read as what decisions need."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from millwright.core import pod_state
from millwright.core.execution import Phase, Task
from millwright.core.ir import Pipeline, step_name
from millwright.core.placement import TASK_LABEL, task_label
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
# The worst state of a task's pods is the task's.
STATES = ("Failed", "Running", "Pending", "Succeeded")


def phase(run: Json) -> Phase:
    """How far the server says the run is."""
    return PHASES.get(run.get("state", "RUNTIME_STATE_UNSPECIFIED"), Phase.RUNNING)


def begun(said: Phase, pods: Iterable[Manifest]) -> Phase:
    """The server calls a run Running from its first driver on; to a person it is Pending until a pod runs."""
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
    return Pipeline(_spec(spec), spec.get("platform_spec") or {}).text()


def _spec(submitted: Json) -> Json:
    """The pipeline's own document of what was submitted."""
    found: Json = submitted.get("pipeline_spec", submitted)
    return found


def waiting_for(pods: Iterable[Manifest]) -> str:
    """Why the first pod that waits does, in Kubernetes' own words; empty where none does."""
    waits = (pod for pod in pods if _state(pod) == "Pending")
    return next((f"{_who(pod)}: {pod_state.waiting_for(pod)}" for pod in waits), "")


def _who(pod: Manifest) -> str:
    task = pod["metadata"]["labels"].get(TASK_LABEL)
    return f"step {task}" if task else f"pod {pod['metadata']['name']}"


def tasks(run: Json, pods: Sequence[Manifest]) -> tuple[Task, ...]:
    """All steps of the pipeline: first those that have pods, in the order in which they came."""
    by_task: dict[str, list[Manifest]] = {}
    for pod in pods:
        if TASK_LABEL in pod["metadata"]["labels"]:
            by_task.setdefault(pod["metadata"]["labels"][TASK_LABEL], []).append(pod)
    nodes = _nodes(run)
    under = (step for step in _steps(run) if task_label(step) not in by_task)
    others = (Task(step, _state_of_nodes(step, nodes, over=not under_way(run))) for step in under)
    return (*(_of_pods(name, found, nodes) for name, found in by_task.items()), *others)


def _steps(run: Json) -> list[str]:
    executors = _spec(run.get("pipeline_spec") or {}).get("deploymentSpec", {}).get("executors", {})
    return [step_name(label) for label, executor in executors.items() if "container" in executor]


def _nodes(run: Json) -> dict[str, set[str]]:
    """States of the Workflow's nodes by their name: a task, its driver, and others; a loop has several of a name."""
    found: dict[str, set[str]] = {}
    for detail in (run.get("run_details") or {}).get("task_details", []):
        found.setdefault(detail.get("display_name", ""), set()).add(detail.get("state", ""))
    return found


def _state_of_nodes(step: str, nodes: Mapping[str, set[str]], over: bool) -> str:
    """Of a step that has no pod: it was answered from the cache, left out, or has not begun."""
    states = nodes.get(step, set())
    if "SUCCEEDED" in states:
        return "Cached"
    if "FAILED" in states or "FAILED" in nodes.get(f"{step}-driver", set()):
        return "Failed"
    return "Skipped" if over or states == {"SKIPPED"} else "Pending"


def _of_pods(name: str, pods: Sequence[Manifest], nodes: Mapping[str, set[str]]) -> Task:
    if "FAILED" not in nodes.get(name, {"FAILED"}):  # what failed was tried again by kfp's own retries
        pods = [pod for pod in pods if _state(pod) != "Failed"] or pods
    state = next(state for state in STATES if any(_state(pod) == state for pod in pods))
    shown = next(pod for pod in reversed(pods) if _state(pod) == state)
    waits = pod_state.waiting_for(shown) if state == "Pending" else ""
    ended = sum(_state(pod) == "Succeeded" for pod in pods)
    many = f"{ended} of {len(pods)} pods succeeded" if len(pods) > 1 else ""
    goes_on = nodes.get(name, set()) | nodes.get(f"{name}-driver", set())
    return Task(
        name=name,
        state="Running" if state == "Succeeded" and goes_on & {"RUNNING", "PENDING"} else state,
        pod_name=shown["metadata"]["name"],
        node_pool=shown["metadata"]["labels"].get(NODE_POOL_LABEL),
        message="; ".join(filter(None, (many, waits))),
    )


def _state(pod: Manifest) -> str:
    found = pod.get("status", {}).get("phase", "Pending")
    return found if found in STATES else "Pending"
