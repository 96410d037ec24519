"""What the tests of replays begin with: an original, its replay, and how each is let run."""

import math
from typing import Any

from tests.fakes.world import KEY, FakeWorld, started, training_run

from millwright.core.execution import ObjectKey
from millwright.ports import TRAINING_RUNS, Manifest

NAME = "flights.arr-delay"
AGAIN = ObjectKey("flights", "again")
METRICS = {"roc_auc": 0.75, "loss": math.nan}
ORIGINAL: dict[str, Any] = {
    "parameters": {"train_months": 1},
    "datasets": [{"name": "flights", "uri": "s3://data/flights/1.parquet"}],
    "source": {"repoURL": "https://git.example/x", "revision": "4f2c1d9"},
}


def replay(**of: Any) -> Manifest:
    """A TrainingRun that replays."""
    body = training_run(replayOf=of)
    del body["spec"]["pipeline"]
    body["metadata"] |= {"name": AGAIN.name}
    return body


async def trained(world: FakeWorld, **spec: Any) -> str:
    """Lets the original run, to its end, in a world with a Model and the data. Its key."""
    world.objects.contents |= {dataset["uri"]: b"flights" for dataset in ORIGINAL["datasets"]}
    await started(world, **ORIGINAL | spec)
    await run(world, KEY, METRICS)
    return world.pipelines.launched[0]


async def run(world: FakeWorld, key: ObjectKey, metrics: dict[str, float]) -> None:
    """Lets a TrainingRun settle; what it launches logs these metrics."""
    before = len(world.pipelines.launched)
    world.pipelines.looks = 1000
    for _ in range(5):
        await world.training_runs.reconcile(key)
    for launched in world.pipelines.launched[before:]:
        world.registry.update_run(launched, metrics=metrics)
    world.pipelines.looks = 2
    await world.settle(world.training_runs, key)


def status(world: FakeWorld) -> dict[str, Any]:
    return dict(world.cluster.objects[TRAINING_RUNS.plural, AGAIN.namespace, AGAIN.name].get("status", {}))


def condition(world: FakeWorld, kind: str) -> dict[str, Any]:
    return next((c for c in status(world)["conditions"] if c["type"] == kind), {})
