"""P9: from `kubectl apply` to Succeeded on the embedded backend, and where the time goes, on the installed platform.

A pipeline of one step, which logs a small model. Its Model is there before. `ROUNDS` TrainingRuns, one after the other;
one more goes before them, so that images and files are warm. Moments are seen by watches, and by the pods' logs.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from demo.kube import kubectl
from demo.story import namespace_with_storage
from tests.bench import installed
from tests.bench.figures import Figures, median, number

installed.connect()

from kubernetes.aio import config  # noqa: E402
from tests.bench.watching import changes  # noqa: E402

from millwright.api.common import API_VERSION  # noqa: E402
from millwright.ports import JOBS, PODS, TRAINING_RUNS, Manifest, Resource  # noqa: E402

PIPELINE = Path(__file__).with_name("pipelines") / "one_step.yaml"
NAME = "one-step"
STEP_LABEL = "millwright.dev/step"
STEPS = ("pipeline", "package")
PATIENCE_SECONDS = 600.0
MOST_SECONDS = 15.0
# In the order in which they come; of the log's first line until its last, Python's imports are done.
OF_A_STEP = ("Job", "pod", "container runs", "first line of its log", "last line of its log", "container has ended")
OF_THE_RUN = ("model version in the status", "Succeeded")


class Moments:
    """When things were first seen, by the clock of this machine, which is the nodes' too."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def note(self, what: str, is_so: object = True) -> None:
        """What is seen now, unless it was before."""
        if is_so:
            self.seen.setdefault(what, time.time())

    def job(self, body: Manifest) -> None:
        """The watch on Jobs."""
        self.note(f"{_step(body)}: Job")

    def pod(self, body: Manifest) -> None:
        """The watch on pods."""
        step, containers = _step(body), body.get("status", {}).get("containerStatuses", [])
        states = [container["state"] for container in containers]
        self.note(f"{step}: pod")
        self.note(f"{step}: container runs", any("running" in state or "terminated" in state for state in states))
        self.note(f"{step}: container has ended", any("terminated" in state for state in states))

    def training_run(self, body: Manifest) -> None:
        """The watch on TrainingRuns."""
        status = body.get("status", {})
        if status.get("state") == "Failed":
            raise SystemExit(f"the TrainingRun failed: {json.dumps(status.get('failure'))}")
        self.note("model version in the status", status.get("modelVersion"))
        self.note("Succeeded", status.get("state") == "Succeeded")

    def logs(self, namespace: str, run: str) -> None:
        """When the pods wrote their first and last lines."""
        for step in STEPS:
            labels = f"millwright.dev/training-run={run},{STEP_LABEL}={step}"
            lines = kubectl("logs", "-n", namespace, "-l", labels, "--timestamps", "--tail=-1").splitlines()
            for which, line in (("first", lines[0]), ("last", lines[-1])):
                written = datetime.fromisoformat(line.split()[0]).timestamp()
                self.seen[f"{step}: {which} line of its log"] = written


async def main() -> None:
    """One after the other."""
    rounds, namespace = number("ROUNDS", 5), f"bench-embedded-{uuid4().hex[:6]}"
    namespace_with_storage(namespace)
    try:
        installed.apply(*_inputs(namespace))
        kubectl("wait", "-n", namespace, f"models.millwright.dev/{NAME}", "--for=condition=Ready", "--timeout=120s")
        await config.load_kube_config()  # type: ignore[no-untyped-call]
        all_rounds = [await _round(namespace, f"{NAME}-{index}") for index in range(rounds + 1)][1:]
    finally:
        kubectl("delete", "namespace", namespace)
        with suppress(OSError):
            installed.mlflow("registered-models/delete", {"name": f"{namespace}.{NAME}"}, "DELETE")
    figures = Figures("embedded", {"rounds": rounds})
    for what in (*(f"{step}: {moment}" for step in STEPS for moment in OF_A_STEP), *OF_THE_RUN[:-1]):
        figures.add(f"   {what}", median([moments[what] for moments in all_rounds]), "s after apply")
    succeeded = [moments["Succeeded"] for moments in all_rounds]
    figures.add("P9 apply to Succeeded", median(succeeded), "s", most=MOST_SECONDS)
    figures.add("   the slowest", max(succeeded), "s")
    figures.write()


async def _round(namespace: str, name: str) -> dict[str, float]:
    """Seconds from the apply to each moment."""
    moments = Moments()
    spec = {"pipeline": {"configMapRef": {"name": NAME}}, "output": {"model": NAME}}
    async with _watched(namespace, name, moments) as ended:
        began = time.time()
        installed.apply(_object(API_VERSION, "TrainingRun", namespace, name) | {"spec": spec})
        await asyncio.wait_for(ended.wait(), PATIENCE_SECONDS)
    moments.logs(namespace, name)
    return {what: seen - began for what, seen in moments.seen.items()}


@asynccontextmanager
async def _watched(namespace: str, run: str, moments: Moments) -> AsyncIterator[asyncio.Event]:
    """The event is set when the TrainingRun has succeeded."""
    ended = asyncio.Event()

    async def follow(resource: Resource, note: Callable[[Manifest], None], **selector: str) -> None:
        async for body in changes(resource, namespace, **selector):
            note(body)
            if "Succeeded" in moments.seen:
                ended.set()

    of_run = f"millwright.dev/training-run={run}"
    watches = (
        follow(JOBS, moments.job, label_selector=of_run),
        follow(PODS, moments.pod, label_selector=of_run),
        follow(TRAINING_RUNS, moments.training_run, field_selector=f"metadata.name={run}"),
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in watches]
        await asyncio.sleep(1)  # the watches stand
        yield ended
        for task in tasks:
            task.cancel()


def _inputs(namespace: str) -> tuple[Manifest, Manifest]:
    data = {"data": {"pipeline.yaml": PIPELINE.read_text()}}
    model = _object(API_VERSION, "Model", namespace, NAME) | {"spec": {}}
    return _object("v1", "ConfigMap", namespace, NAME) | data, model


def _object(api_version: str, kind: str, namespace: str, name: str) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _step(body: Manifest) -> str:
    return str(body["metadata"]["labels"][STEP_LABEL])


if __name__ == "__main__":
    asyncio.run(main())
