"""P3, and what Millwright adds to a bare submission, on the real Kubeflow server with the installed operator.

Submitted: `SUBMITTED` runs of a one-step pipeline, five a second, which Argo does not execute, so that no pod takes the
cores of what is measured. Paced: `COUNT` runs at `RATE` a second, executed. Queued: `QUEUED` runs at once. Each as
TrainingRuns, and as plain REST calls, those that `kfp.Client` makes, of the same pipeline. The step is
computed, or, of those queued, answered from the server's cache: two pods a run then, not three with a Python. Both are
seen by one watch on Workflows: a run is submitted when its Workflow is there, and has ended when that says so. When its
end is known: for a TrainingRun, when its status says so; for a bare run, when a poller of the operator's interval sees
it. The TrainingRuns' gate fails, so that no packaging is in the figures.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import yaml
from demo.kube import RELEASE_NAMESPACE, ROOT, kubectl, secret, service_address
from tests.bench import installed
from tests.bench.figures import Figures, median, number, percentile
from tests.bench.kubeflow import Script
from tests.bench.seen import Seen
from tests.cluster.kubeflow import profile
from tests.cluster.settings import Checkout

installed.connect()

from kubernetes.aio import config  # noqa: E402
from tests.bench.watching import changes  # noqa: E402
from tests.bench.workers import each  # noqa: E402

from millwright.adapters.kubernetes import KubernetesCluster  # noqa: E402
from millwright.api.common import API_VERSION  # noqa: E402
from millwright.core.training import POLL_SECONDS  # noqa: E402
from millwright.ports import CONFIG_MAPS, MODELS, TRAINING_RUNS, WORKFLOWS, Manifest  # noqa: E402

NAMESPACE = "e2e-kubeflow"  # one that demo/kubeflow.yaml gives to Kubeflow
ARGO_NAMESPACE = "kubeflow"
STORAGE_SECRET = "millwright-storage"
NAME_ANNOTATION = "pipelines.kubeflow.org/run_name"
FIVE_A_SECOND = 5
MOST_SECONDS = 1.0
DEFAULTS = {"SUBMITTED": 50, "COUNT": 20, "RATE": 3, "QUEUED": 20}
PATIENCE_SECONDS = 3600.0
GATE = {"metric": "never_logged", "operator": ">=", "threshold": 1}
Submit = Callable[[str], Coroutine[Any, Any, None]]


class Bench:
    """One namespace, its watches, and two ways to submit."""

    def __init__(self, cluster: KubernetesCluster, script: Script, mark: str) -> None:
        """`mark`: what the names of all that is made begin with."""
        self.batches: dict[str, Seen] = {}
        self.seen = Seen()
        self.mark = mark
        self._cluster = cluster
        self._script = script
        self.cached = False

    async def apply_inputs(self) -> None:
        """The ConfigMap and the Model that the TrainingRuns name, and the script's experiment."""
        texts = {_key(cached): yaml.safe_dump(one_step(cached)) for cached in (False, True)}
        await self._cluster.create(CONFIG_MAPS, _object("v1", "ConfigMap", self.mark) | {"data": texts})
        await self._cluster.create(MODELS, _object(API_VERSION, "Model", self.mark) | {"spec": {}})
        await self._script.experiment()

    async def training_run(self, name: str) -> None:
        """The wish as a TrainingRun."""
        spec = {
            "pipeline": {"configMapRef": {"name": self.mark, "key": _key(self.cached)}},
            "parameters": self._parameters(name),
            "output": {"model": self.mark},
            "gates": [GATE],
            "cache": self.cached,
        }
        await self._cluster.create(TRAINING_RUNS, _object(API_VERSION, "TrainingRun", name) | {"spec": spec})

    async def bare(self, name: str) -> None:
        """The wish as a script sends it."""
        await self._script.submit(name, one_step(self.cached), self._parameters(name))

    def _parameters(self, name: str) -> dict[str, str]:
        return {"name": self.mark if self.cached else name}

    async def poll(self) -> None:
        """Notes bare runs that are not under way any more, as often as the operator looks."""
        while True:
            for name in self.seen.submitted.keys() - await self._script.under_way():
                self.seen.known.setdefault(name, time.monotonic())
            await asyncio.sleep(POLL_SECONDS)

    async def watch_workflows(self) -> None:
        """Notes when Workflows come and end."""
        async for body in changes(WORKFLOWS, NAMESPACE):
            name = body["metadata"].get("annotations", {}).get(NAME_ANNOTATION, "")
            name = name if name in self.seen.asked else name.rpartition("-")[0]
            if name not in self.seen.asked:
                continue
            self.seen.submitted.setdefault(name, time.monotonic())
            self.seen.workflows.setdefault(name, set()).add(body["metadata"]["uid"])
            if body.get("status", {}).get("finishedAt"):
                self.seen.ended.setdefault(name, time.monotonic())

    async def watch_training_runs(self) -> None:
        """Notes when TrainingRuns say that they have ended."""
        async for body in changes(TRAINING_RUNS, NAMESPACE):
            name = body["metadata"]["name"]
            if name in self.seen.asked and body.get("status", {}).get("state") in ("Failed", "Succeeded"):
                self.seen.known.setdefault(name, time.monotonic())

    async def leave_no_runs(self) -> None:
        """Here and at the server."""
        runs = [name for seen in self.batches.values() for name in seen.asked]
        if runs:
            kubectl("delete", "trainingruns.millwright.dev", "-n", NAMESPACE, "--ignore-not-found", *runs)
        await self._script.leave_no_runs()

    async def leave_nothing(self) -> None:
        """No runs, and not what they were made of."""
        await self.leave_no_runs()
        words = ("-n", NAMESPACE, "--ignore-not-found")
        kubectl("delete", "models.millwright.dev", *words, self.mark)
        kubectl("delete", "configmap", *words, self.mark)
        await self._script.leave_nothing()
        installed.mlflow("registered-models/delete", {"name": f"{NAMESPACE}.{self.mark}"}, "DELETE")


async def batch(
    bench: Bench, name: str, submit: Submit, count: int, rate: float, follow: Sequence[Any], executed: bool = True
) -> None:
    """Submits `count` runs, at a rate (0: at once), and waits until all are known to have ended, or are submitted."""
    seen = bench.seen = bench.batches[name] = Seen()
    awaited = seen.known if executed else seen.submitted
    tasks = [asyncio.create_task(work()) for work in follow]
    await asyncio.sleep(1)  # the watches stand
    names = [f"{bench.mark}-{name}-{index:03}" for index in range(count)]
    if rate:
        await _paced(seen, submit, names, rate)
    else:
        await _at_once(seen, submit, names)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(awaited) < count:
        assert time.monotonic() < deadline, f"{name}: {len(awaited)} of {count} are there"
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _paced(seen: Seen, submit: Submit, names: Sequence[str], rate: float) -> None:
    began = time.monotonic()
    wishes: list[asyncio.Task[None]] = []
    for index, name in enumerate(names):
        await asyncio.sleep(max(0.0, began + index / rate - time.monotonic()))
        seen.asked[name] = time.monotonic()
        wishes.append(asyncio.create_task(submit(name)))
    await asyncio.gather(*wishes)


async def _at_once(seen: Seen, submit: Submit, names: Sequence[str]) -> None:
    async def ask(name: str) -> None:
        seen.asked[name] = time.monotonic()
        await submit(name)

    await each(names, ask)


def _object(api_version: str, kind: str, name: str) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


def _key(cached: bool) -> str:
    return "cached.yaml" if cached else "pipeline.yaml"


def one_step(cached: bool) -> Manifest:
    """The contract suite's pipeline without its second step."""
    text = (ROOT / "tests" / "contract" / "pipelines" / "hello.yaml").read_text()
    spec: Manifest = yaml.safe_load(text)
    options = {"cachingOptions": {"enableCache": True} if cached else {}}
    spec["root"]["dag"]["tasks"] = {"greet": spec["root"]["dag"]["tasks"]["greet"] | options}
    del spec["components"]["comp-finish"], spec["deploymentSpec"]["executors"]["exec-finish"]
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    spec["root"]["inputDefinitions"]["parameters"] = {"name": parameters["name"]}
    return spec


def prepare() -> None:
    """The namespace, unless it is there."""
    profile.apply(Checkout(), NAMESPACE)
    values = secret(STORAGE_SECRET, RELEASE_NAMESPACE)
    body = _object("v1", "Secret", STORAGE_SECRET) | {"stringData": values}
    kubectl("apply", "-f", "-", input=json.dumps(body))


@asynccontextmanager
async def connected() -> AsyncIterator[Bench]:
    """Clients of both APIs, with the operator's own token for Kubeflow."""
    await config.load_kube_config()  # type: ignore[no-untyped-call]
    account = ("-n", RELEASE_NAMESPACE, "millwright-operator", "--audience=pipelines.kubeflow.org", "--duration=3h")
    token = kubectl("create", "token", *account).strip()
    url = f"http://{service_address('ml-pipeline', 'kubeflow')}:8888"
    mark = f"bench-{uuid4().hex[:6]}"
    script, cluster = Script(url, token, NAMESPACE, mark), await KubernetesCluster.connect()
    try:
        yield Bench(cluster, script, mark)
    finally:
        await script.close()
        await cluster.close()


@contextmanager
def nothing_executed() -> Iterator[None]:
    """Argo's controller is away: Workflows are made, and nothing becomes of them."""
    scale = ("scale", "deployment", "workflow-controller", "-n", ARGO_NAMESPACE)
    kubectl(*scale, "--replicas=0")
    kubectl("wait", "pod", "-n", ARGO_NAMESPACE, "-l", "app=workflow-controller", "--for=delete", "--timeout=120s")
    try:
        yield
    finally:
        kubectl(*scale, "--replicas=1")
        kubectl("rollout", "status", "deployment", "workflow-controller", "-n", ARGO_NAMESPACE, "--timeout=120s")


async def main() -> None:
    """Paced and queued, bare and with Millwright, in turn."""
    submitted, count, rate, queued = (number(*given) for given in DEFAULTS.items())
    prepare()
    async with connected() as bench:
        ours = (bench.training_run, (bench.watch_workflows, bench.watch_training_runs))
        theirs = (bench.bare, (bench.watch_workflows, bench.poll))
        await bench.apply_inputs()
        try:
            with nothing_executed():
                for whose, (submit, follow) in (("bare", theirs), ("millwright", ours)):
                    await batch(bench, f"submitted-{whose}", submit, submitted, FIVE_A_SECOND, follow, executed=False)
                await bench.leave_no_runs()
            for name, size, pace in (("paced", count, rate), ("queued", queued, 0)):
                bench.cached = name == "queued"
                for whose, (submit, follow) in (("bare", theirs), ("millwright", ours)):
                    await batch(bench, f"{name}-{whose}", submit, size, pace, follow)
        finally:
            await bench.leave_nothing()
    batches = bench.batches
    figures = Figures("submission", {"submitted": submitted, "paced": count, "a second": rate, "queued": queued})
    _tell(figures, batches)
    figures.write()
    if faults := [f"{name}: {text}" for name, seen in batches.items() for text in seen.faults()]:
        raise SystemExit("\n".join(faults))


def _tell(figures: Figures, batches: dict[str, Seen]) -> None:
    ours, theirs = batches["paced-millwright"], batches["paced-bare"]
    for who, most in (("millwright", MOST_SECONDS), ("bare", None)):
        latencies = batches[f"submitted-{who}"].latencies()
        _quantiles(figures, f"P3 {who}: asked to submitted, not executed", latencies, most)
    for who, seen in (("TrainingRun", ours), ("bare", theirs)):
        _quantiles(figures, f"P3 {who}: asked to submitted", seen.latencies())
        _quantiles(figures, f"   {who}: ended to known", seen.notices())
    extra = median(ours.latencies()) + median(ours.notices()) - median(theirs.latencies()) - median(theirs.notices())
    figures.add("   latency that Millwright adds, p50", extra, "s")
    queue = {who: batches[f"queued-{who}"] for who in ("millwright", "bare")}
    for who, seen in queue.items():
        figures.add(f"   queued {who}: all known to have ended", seen.drained(), "s")
    figures.add("   queued millwright / bare", queue["millwright"].drained() / queue["bare"].drained())
    figures.add("   lost, or started twice", sum(len(seen.faults()) for seen in batches.values()))


def _quantiles(figures: Figures, what: str, seconds: Sequence[float], most: float | None = None) -> None:
    figures.add(f"{what}, p50", median(seconds), "s")
    figures.add(f"{what}, p99", percentile(seconds, 0.99), "s", most)


if __name__ == "__main__":
    asyncio.run(main())
