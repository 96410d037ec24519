"""Experiments in a fake world: a control that serves, arms beside it, and what clients do with them."""

from typing import Any

from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers.rollouts import backends, rising, serving_one, walk
from tests.unit.reconcilers.serving import PLURAL, new_version

from millwright.ports import DEPLOYMENTS

PINNED: dict[str, Any] = {"name": KEY.name, "version": "1"}
PRIMARY: dict[str, Any] = {
    "name": "bookings",
    "hits": 'hits{version="{{version}}"}',
    "total": 'total{version="{{version}}"}',
    "direction": "Increase",
    "minimumDetectableEffect": 0.1,
}
COOKIE = {"cookie": {"name": "arm"}}


def arm(version: str, weight: int = 20) -> dict[str, Any]:
    return {"version": version, "weight": weight}


def experiment(*arms: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The strategy. Two arms where none are given."""
    asked = {"arms": list(arms or (arm("2"), arm("3"))), "primary": PRIMARY, "intervalSeconds": 5} | fields
    return {"type": "Experiment", "experiment": asked}


async def with_versions(world: FakeWorld, **spec: Any) -> FakeWorld:
    """Version 1 serves; 2 and 3 are there to be tried."""
    await serving_one(world, **({"model": PINNED, "strategy": {"type": "RollingUpdate"}} | spec))
    for digest in ("sha256:two", "sha256:three"):
        await new_version(world, digest)
    return world


async def begun(world: FakeWorld, strategy: dict[str, Any] | None = None, **spec: Any) -> FakeWorld:
    """The arms have their shares."""
    await with_versions(world, **spec)
    change(world, strategy=strategy or experiment())
    await walk(world, 8)
    return world


def change(world: FakeWorld, **spec: Any) -> None:
    """As `kubectl apply` does."""
    body = world.cluster.objects[DEPLOYMENTS.plural, KEY.namespace, KEY.name]
    body["spec"] |= spec
    body["metadata"]["generation"] += 1


def clients(world: FakeWorld, **rates: float) -> None:
    """From now on so many of 100 requests a second are hits, of each version: `v2=30.0`."""
    began = world.clock.time
    for name, rate in rates.items():
        version = name.removeprefix("v")
        world.measurements.counters[f'hits{{version="{version}"}}'] = [({}, rising(began, rate))]
        world.measurements.counters[f'total{{version="{version}"}}'] = [({}, rising(began, 100.0))]


def weights(world: FakeWorld) -> dict[str, int]:
    """Percent of the requests of each version."""
    status = world.status(PLURAL)
    served = [status["stable"], *status.get("experiment", {}).get("arms", ())]
    names = {one["versionSet"]: one["version"] for one in served}
    return {names.get(name, name): weight for name, weight in backends(world).items()}


def scorecard(world: FakeWorld, name: str) -> dict[str, Any]:
    """What is known of an arm."""
    arms = world.status(PLURAL)["experiment"]["arms"]
    return dict(next(one for one in arms if one["name"] == name))


def verdicts(world: FakeWorld) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in world.status(PLURAL)["experiment"]["arms"]}
