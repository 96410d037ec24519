"""P1, P2: TrainingRuns from created to Succeeded, beside a bare script that sends the same writes.

Real: an API server with etcd, kopf and its watches, handlers, queues, reconcilers, the client. Faked at the ports, in
memory: pipelines, packaging and MLflow. All of it, and the user who creates the runs, is in this one process. The bare
script replays, for each of as many other runs, the writes that one run led to, with as many workers as the operator.

`N` runs, `MODELS` Models that they are for, `ROUNDS` of both in turn; a round has a namespace of its own.
"""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kubernetes.aio import config
from tests.bench.control_plane import ControlPlane, control_plane
from tests.bench.figures import Figures, median, number, own_cpu_seconds, own_peak_mib
from tests.bench.operator import Fakes, running
from tests.bench.traffic import READ, CountingClient, Write
from tests.bench.workers import WORKERS, each
from tests.fakes.world import IR

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.ports import CONFIG_MAPS, MODELS, TRAINING_RUNS, Manifest, Resource

PATIENCE_SECONDS = 1800.0
PAUSE_SECONDS = 0.05
QUIET_SECONDS = 2.0


@dataclass
class Use:
    """What something took: seconds by the clock, CPU seconds here and at the API server."""

    seconds: float
    cpu: float
    server_cpu: float


@dataclass
class Lifecycles:
    """A round of TrainingRuns with the operator, and what it did when it was started again."""

    use: Use
    calls: Counter[str]
    writes: list[Write]
    restart_calls: Counter[str]
    faults: list[str] = field(default_factory=list)


@asynccontextmanager
async def used(plane: ControlPlane) -> AsyncIterator[Use]:
    """What the block takes."""
    use = Use(time.monotonic(), own_cpu_seconds(), plane.cpu_seconds())
    yield use
    use.seconds = time.monotonic() - use.seconds
    use.cpu = own_cpu_seconds() - use.cpu
    use.server_cpu = plane.cpu_seconds() - use.server_cpu


async def lifecycles(plane: ControlPlane, namespace: str, runs: int, models: int) -> Lifecycles:
    """Creates the runs, waits until all have succeeded, and starts the operator again."""
    ended: set[str] = set()
    fakes, user = Fakes(), CountingClient(record=_name(runs // 2))
    api = CountingClient(record=_name(runs // 2), seen=lambda path, body: _note(ended, path, body))
    await _prepare(user, namespace, models)
    user.calls.clear()
    async with running(fakes, api, namespace), used(plane) as use:
        await each(range(runs), lambda i: KubernetesCluster(user).create(TRAINING_RUNS, _run(namespace, i, models)))
        await _until(lambda: len(ended) == runs, "all runs have succeeded")
    again = CountingClient()
    async with running(fakes, again, namespace):
        await _until(lambda: again.calls["GET modeldeployments"] >= models, "all Models are looked at again")
        await _until_quiet(again)
    # What the operator does while it stops is counted too: whatever is written now is written too much.
    found = await KubernetesCluster(user).list(TRAINING_RUNS, namespace)
    await user.close()  # type: ignore[no-untyped-call]
    writes = user.recorded + api.recorded
    return Lifecycles(use, user.calls + api.calls, writes, again.calls, _faults(fakes, list(found), runs))


def _faults(fakes: Fakes, found: list[Manifest], runs: int) -> list[str]:
    """Anything lost or done twice."""
    versions = sum(len(of_model) for of_model in fakes.registry.model_versions.values())
    states = Counter(body["status"]["state"] for body in found)
    seen = {"runs launched": len(fakes.pipelines.launched), "versions registered": versions}
    seen["TrainingRuns succeeded"] = states["Succeeded"]
    return [f"{what}: {count}, not {runs}" for what, count in seen.items() if count != runs]


async def bare(plane: ControlPlane, namespace: str, writes: list[Write], runs: int) -> Use:
    """The same writes for each run, one after the other, as many runs at once as the operator has workers."""
    api = CountingClient()
    await _create_namespace(api, namespace)
    recorded = _name(runs // 2)
    old = writes[0].target.split("/namespaces/")[1].split("/")[0]

    async def replay(index: int) -> None:
        for write in writes:
            status = await api.send(write.renamed({recorded: _name(index), old: namespace}))
            assert status < 300, f"{write.method} {write.target}: {status}"

    async with used(plane) as use:
        await each(range(runs), replay)
    await api.close()  # type: ignore[no-untyped-call]
    return use


async def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
        await asyncio.sleep(PAUSE_SECONDS)


async def _until_quiet(api: CountingClient) -> None:
    """Until it has sent nothing for a while."""
    sent = -1
    while api.calls.total() != sent:
        sent = api.calls.total()
        await asyncio.sleep(QUIET_SECONDS)


def _note(ended: set[str], path: str, body: Manifest) -> None:
    """The last write of a run is that the operator holds it no more."""
    if "/trainingruns/" in path and body.get("metadata", {}).get("finalizers") == []:
        ended.add(path)


def _name(index: int) -> str:
    return f"run-{index:05}"


def _run(namespace: str, index: int, models: int) -> Manifest:
    spec = {"pipeline": {"configMapRef": {"name": "pipe"}}, "output": {"model": f"model-{index % models}"}}
    return _object(TRAINING_RUNS, "TrainingRun", namespace, _name(index)) | {"spec": spec}


async def _prepare(api: CountingClient, namespace: str, models: int) -> None:
    await _create_namespace(api, namespace)
    cluster = KubernetesCluster(api)
    pipe = _object(CONFIG_MAPS, "ConfigMap", namespace, "pipe") | {"data": {"pipeline.yaml": IR}}
    await cluster.create(CONFIG_MAPS, pipe)
    for index in range(models):
        await cluster.create(MODELS, _object(MODELS, "Model", namespace, f"model-{index}") | {"spec": {}})


async def _create_namespace(api: CountingClient, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    headers = {"Content-Type": "application/json"}
    await api.update_params_for_auth(headers, [], ["BearerToken"], "", "", "")
    await api.call_api("POST", f"{api.configuration.host}/api/v1/namespaces", headers, body)


def _object(resource: Resource, kind: str, namespace: str, name: str) -> Manifest:
    return {"apiVersion": resource.api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


async def main() -> None:
    """Rounds of both, in turn."""
    runs, models, rounds = number("N", 200), number("MODELS", 20), number("ROUNDS", 3)
    ours: list[Lifecycles] = []
    theirs: list[Use] = []
    with control_plane() as plane:
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        await config.load_kube_config(str(plane.kubeconfig))  # type: ignore[no-untyped-call]
        for number_of in range(rounds):
            ours.append(await lifecycles(plane, f"operator-{number_of}", runs, models))
            peak = own_peak_mib()
            theirs.append(await bare(plane, f"bare-{number_of}", ours[-1].writes, runs))
    figures = Figures("lifecycle", {"TrainingRuns": runs, "Models": models, "rounds": rounds, "workers": WORKERS})
    _tell(figures, ours, theirs, runs)
    figures.add("peak RSS, operator and user in one process", peak, "MiB")
    figures.write()
    if faults := [fault for one in ours for fault in _broken(one, runs)]:
        raise SystemExit("\n".join(faults))


def _tell(figures: Figures, ours: list[Lifecycles], theirs: list[Use], runs: int) -> None:
    pairs = list(zip(ours, theirs, strict=True))
    figures.add("P1 operator", median([runs / one.use.seconds for one in ours]), "runs/s", least=10)
    figures.add("P1 bare script", median([runs / one.seconds for one in theirs]), "runs/s")
    figures.add("P1 operator / bare script", median([b.seconds / a.use.seconds for a, b in pairs]), least=0.7)
    calls = _sum(one.calls for one in ours)
    for what, count in sorted(calls.items()):
        figures.add(f"   {what}", count / runs / len(ours), "per run")
    figures.add("P2 writes of the operator for one run", len(ours[-1].writes) - 1, most=8)
    figures.add("CPU of operator and user", median([one.use.cpu / runs * 1000 for one in ours]), "ms/run")
    figures.add("CPU of the bare script", median([one.cpu / runs * 1000 for one in theirs]), "ms/run")
    figures.add("CPU of the API server, operator", median([one.use.server_cpu / runs * 1000 for one in ours]), "ms/run")
    figures.add(
        "CPU of the API server, bare script", median([one.server_cpu / runs * 1000 for one in theirs]), "ms/run"
    )
    for what, count in sorted(_sum(one.restart_calls for one in ours).items()):
        figures.add(f"   started again: {what}", count / len(ours))
    figures.add("P2 writes when started again", sum(_writes(one.restart_calls) for one in ours), most=0)


def _broken(one: Lifecycles, runs: int) -> list[str]:
    found = list(one.faults)
    if written := _writes(one.restart_calls):
        found.append(f"{written} writes for converged objects")
    return found


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total += counter
    return total


def _writes(calls: Counter[str]) -> int:
    return sum(count for what, count in calls.items() if not what.startswith(READ))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)  # as the operator has it for kopf.objects
    asyncio.run(main())
