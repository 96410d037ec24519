"""P4, P5, P6: memory, CPU and writes of the operator with thousands of converged resources, and when it starts again.

Real: an API server with etcd, MLflow's own server, the operator as a process of its own. There are no nodes: the pods
of Deployments are played by the status of their version sets. TrainingRuns have the status of runs that have succeeded.

`SIZES` resources, one size after the other, of which eight in ten are TrainingRuns, one is a Model with a version, and
one a Deployment of it; `REST` seconds of rest for each size.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kubernetes.aio import client, config
from tests.bench.control_plane import ControlPlane, control_plane
from tests.bench.figures import Figures, number
from tests.bench.fleet import Fleet, Size
from tests.bench.process import PATIENCE_SECONDS, OperatorProcess, operator
from tests.contract.mlflow_server import mlflow_server

from millwright.adapters.kubernetes import KubernetesCluster
from millwright.adapters.kubernetes_api import configuration

SAMPLE_SECONDS = 5.0
LOOK_SECONDS = 0.5


def main() -> None:
    """All sizes, one after the other."""
    sizes = [Size(int(words)) for words in (os.environ.get("SIZES") or "1000 5000").split()]
    seconds = number("REST", 180)
    figures = Figures("scale", {"resources": " and ".join(str(size.total) for size in sizes), "seconds": seconds})
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as name, control_plane() as plane:
        folder = Path(name)
        with mlflow_server(folder) as mlflow_url, asyncio.Runner() as loop:
            fleet = Fleet(plane, loop.run(_connected(plane)), mlflow_url)
            world = World(partial(operator, plane, mlflow_url), fleet, loop)
            written = sum(_measure(figures, world, size, seconds) for size in sizes)
            loop.run(fleet.close())
    figures.write()
    if written:
        raise SystemExit(f"{written:.0f} writes for resources that have converged")


@dataclass(frozen=True)
class World:
    """What is measured, and where. `loop` runs what the fleet does."""

    operator: Callable[[], AbstractContextManager[OperatorProcess]]
    fleet: Fleet
    loop: asyncio.Runner


def _measure(figures: Figures, world: World, size: Size, seconds: int) -> float:
    """Grows, lets the operator converge, starts it again, and lets it rest. Returns what it wrote since."""
    world.loop.run(world.fleet.grow(size))
    with world.operator() as first:
        world.loop.run(world.fleet.served())
        first.until_quiet()
    with world.operator() as again:
        _started_again(figures, again, size)
        return _rest(figures, again, size, seconds)


def _started_again(figures: Figures, again: OperatorProcess, size: Size) -> None:
    """Ready is when all Models and Deployments were looked at and nothing waits. TrainingRuns at rest need no look."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _all_looked_at(again, size):
        assert time.monotonic() < deadline, f"not all are looked at in {PATIENCE_SECONDS:.0f} s; see {again.log}"
        time.sleep(LOOK_SECONDS)
    most = 30 if size.total >= 5000 else None
    figures.add(f"P5 {size.total}: started again and ready", time.monotonic() - again.began, "s", most)
    figures.add(f"   {size.total}: CPU until then", again.cpu(), "s")


def _all_looked_at(again: OperatorProcess, size: Size) -> bool:
    looks = again.reconciles()
    return all(looks.get(kind, 0) >= size.of[kind] for kind in ("Model", "Deployment")) and not again.waiting()


def _rest(figures: Figures, again: OperatorProcess, size: Size, seconds: int) -> float:
    """Nothing happens. Returns the writes since the start."""
    again.until_quiet()
    looks, used, began = sum(again.reconciles().values()), again.cpu(), time.monotonic()
    memory = [again.rss()]
    while time.monotonic() - began < seconds:
        time.sleep(SAMPLE_SECONDS)
        memory.append(again.rss())
    used, lasted = again.cpu() - used, time.monotonic() - began
    figures.add(f"P4 {size.total}: most RSS at rest", max(memory), "MiB", 200 if size.total >= 5000 else None)
    figures.add(f"   {size.total}: RSS at the end of it, more than at its beginning", memory[-1] - memory[0], "MiB")
    figures.add(f"P6 {size.total}: CPU at rest", 100 * used / lasted, "% of a core", 1 if size.total <= 1000 else None)
    figures.add(f"   {size.total}: looks at rest", (sum(again.reconciles().values()) - looks) * 60 / lasted, "a minute")
    written = again.writes()
    figures.add(f"P2 {size.total}: writes since it was started again", written, most=0)
    return written


async def _connected(plane: ControlPlane) -> KubernetesCluster:
    await config.load_kube_config(str(plane.kubeconfig))  # type: ignore[no-untyped-call]
    return KubernetesCluster(client.ApiClient(configuration()))


if __name__ == "__main__":
    main()
