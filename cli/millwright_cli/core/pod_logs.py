"""Which containers have the output that a person asks for, and how its lines are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from millwright_cli.core.kinds import Manifest

GROUP = "millwright.dev"
RUN_LABEL, EXECUTION_LABEL, STEP_LABEL = f"{GROUP}/training-run", f"{GROUP}/execution", f"{GROUP}/step"
TASK_LABEL, DEPLOYMENT_LABEL = f"{GROUP}/task", f"{GROUP}/deployment"
# Argo's name for the container that runs the step, beside its own.
MAIN_CONTAINER = "main"
# The embedded backend runs all steps in the pod of this step; there each line begins with `[<task>] `.
PIPELINE = "pipeline"
ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Source:
    """A container's log. `label`: who speaks; empty where the lines say that. `only`: lines of that task alone."""

    pod: str
    container: str
    label: str
    only: str = ""


@dataclass(frozen=True)
class Seen:
    """The logs that there are. `over`: no other ones will come; `otherwise`: what to say where there is none."""

    sources: tuple[Source, ...]
    over: bool
    otherwise: str


@dataclass(frozen=True)
class Line:
    """One line of output; `task` is empty where it is not known."""

    pod: str
    task: str
    text: str

    def __str__(self) -> str:
        return f"[{self.task}] {self.text}" if self.task else self.text


def run_selector(body: Manifest) -> str | None:
    """Pods of the execution that the status tells of; None where nothing is launched yet."""
    execution = (body.get("status") or {}).get("execution")
    return f"{RUN_LABEL}={body['metadata']['name']},{EXECUTION_LABEL}={execution}" if execution else None


def deployment_selector(name: str) -> str:
    """Serving pods of a Deployment."""
    return f"{DEPLOYMENT_LABEL}={name}"


def of_run(body: Manifest, pods: Sequence[Manifest], task: str | None) -> tuple[Source, ...]:
    """The run's logs, oldest pod first; of one task alone, where one is named."""
    in_pods = {t.get("podName"): t["name"] for t in (body.get("status") or {}).get("tasks") or () if t.get("podName")}
    sources = [_of_step(pod, in_pods) for pod in _oldest_first(pods)]
    if task is None:
        return tuple(sources)
    return tuple(found for source in sources if (found := _restricted(source, task)))


def of_deployment(pods: Sequence[Manifest]) -> tuple[Source, ...]:
    """The servers' logs."""
    return tuple(Source(_name(pod), _container(pod), _name(pod)) for pod in _oldest_first(pods))


def no_pods(body: Manifest, task: str | None) -> str:
    """What to say of a run without a log, with what is known instead."""
    name, status = body["metadata"]["name"], body.get("status") or {}
    of_task = f" of task {task}" if task else ""
    failure = status.get("failure") or {}
    tasks = ", ".join(t["name"] for t in status.get("tasks") or ()) or "none yet"
    known = f"; its tasks are: {tasks}" if task else ""
    last = f"\nThe status has the last lines of its failure:\n{failure['message']}" if failure.get("message") else ""
    return f"no pod{of_task} of TrainingRun {name} is there (state {status.get('state', 'Pending')}){known}{last}"


def read(source: Source, text: str) -> Line | None:
    """A line of that log; None where it is another task's."""
    if not source.only:
        return Line(source.pod, source.label, text)
    mark = f"[{source.only}] "
    return Line(source.pod, source.only, text.removeprefix(mark)) if text.startswith(mark) else None


def has_ended(body: Manifest) -> bool:
    """Whether nothing more is started for the run's present spec."""
    metadata, status = body["metadata"], body.get("status") or {}
    return status.get("observedGeneration") == metadata.get("generation") and status.get("state") in ENDED


def _of_step(pod: Manifest, in_pods: dict[str | None, str]) -> Source:
    labels = pod["metadata"].get("labels") or {}
    step = labels.get(STEP_LABEL, "")
    # The label of a long name is cut; the status has the whole.
    task = in_pods.get(_name(pod), labels[TASK_LABEL]) if TASK_LABEL in labels else ""
    return Source(_name(pod), _container(pod), task or ("" if step == PIPELINE else step))


def _restricted(source: Source, task: str) -> Source | None:
    if source.label:
        return source if source.label == task else None
    return Source(source.pod, source.container, source.label, only=task)


def _container(pod: Manifest) -> str:
    names = [str(container["name"]) for container in pod["spec"]["containers"]]
    return MAIN_CONTAINER if MAIN_CONTAINER in names else names[0]


def _oldest_first(pods: Sequence[Manifest]) -> list[Manifest]:
    return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", _name(pod)))


def _name(pod: Manifest) -> str:
    return str(pod["metadata"]["name"])
