"""A Gateway that takes routes, and requests that servers count, for roll-outs in a fake world."""

from datetime import datetime
from typing import Any

from tests.fakes.measurements import Counter
from tests.fakes.world import KEY, FakeWorld
from tests.unit.reconcilers.serving import PLURAL, run
from tests.unit.reconcilers.serving import started as began

from millwright.core.analysis import queries
from millwright.core.analysis.metrics import REQUESTS
from millwright.core.serving_pod import VERSION_SET_LABEL
from millwright.ports import HTTP_ROUTES, SERVICES, Manifest

ROUTE = {"gateway": {"name": "public", "namespace": "gateways"}, "hostname": "arr-delay.example.org"}
STEPS = [{"setWeight": 10}, {"pause": {"seconds": 20}}, {"setWeight": 50}, {"pause": {"seconds": 20}}]
CANARY: dict[str, Any] = {"type": "Canary", "steps": STEPS}
ERRORS: dict[str, Any] = {"metrics": [{"name": "error-rate", "max": 0.01}]}


async def serving_one(world: FakeWorld, **spec: Any) -> FakeWorld:
    """Version 1 serves; the next will be rolled out by steps."""
    await began(world, **({"replicas": 4, "strategy": CANARY, "route": ROUTE} | spec))
    await walk(world, 12)
    assert world.status(PLURAL)["stable"]["version"] == "1"
    return world


async def walk(world: FakeWorld, times: int = 60) -> list[int]:
    """Reconciles so often, while pods run and the Gateway takes routes. The shares that a candidate had, in order."""
    shares: list[int] = []
    for _ in range(times):
        accept(world)
        await run(world, 1)
        now = share(world)
        if not shares or shares[-1] != now:
            shares.append(now)
    return shares


def route(world: FakeWorld) -> Manifest | None:
    """The HTTPRoute of the Deployment's name."""
    return world.cluster.objects.get((HTTP_ROUTES.plural, KEY.namespace, KEY.name))


def accept(world: FakeWorld, status: str = "True") -> None:
    """As a Gateway does: says of the route, as it is now, whether it takes it."""
    body = route(world)
    if body is not None:
        seen = {"status": status, "reason": "Told", "message": "", "observedGeneration": body["metadata"]["generation"]}
        body["status"] = {"parents": [{"conditions": [{"type": kind} | seen for kind in ("Accepted", "ResolvedRefs")]}]}


def backends(world: FakeWorld) -> dict[str, int]:
    """Weight of each version set, of requests that name no version."""
    body = route(world)
    assert body is not None
    return {one["name"]: one["weight"] for one in body["spec"]["rules"][0]["backendRefs"]}


def share(world: FakeWorld) -> int:
    """Percent of the requests that go to another version set than the one that is stable."""
    stable = world.status(PLURAL).get("stable", {}).get("versionSet")
    if stable is None:
        return 0
    if route(world) is not None:
        return sum(weight for name, weight in backends(world).items() if name != stable)
    selector = world.cluster.objects[SERVICES.plural, KEY.namespace, KEY.name]["spec"]["selector"]
    return 0 if VERSION_SET_LABEL in selector else 1


def candidate(world: FakeWorld) -> str:
    """Its version set."""
    return str(world.status(PLURAL)["candidate"]["versionSet"])


def reason(world: FakeWorld, kind: str = "Ready") -> str:
    """Of a condition."""
    return str(world.condition(kind, PLURAL)["reason"])


def message(world: FakeWorld, kind: str = "Ready") -> str:
    """Of a condition."""
    return str(world.condition(kind, PLURAL)["message"])


async def until_share(world: FakeWorld, percent: int) -> None:
    """Until a candidate has that share."""
    for _ in range(60):
        await walk(world, 1)
        if share(world) == percent:
            return
    raise AssertionError(f"no share of {percent} %: {world.status(PLURAL)}")


def count(world: FakeWorld, version_set: str, rates: dict[str, float]) -> None:
    """From now on the set's servers answer so many requests a second, by code."""
    began, selector = world.clock.time, queries.selector(REQUESTS, KEY.namespace, version_set)
    world.measurements.counters[selector] = [({"code": code}, rising(began, rate)) for code, rate in rates.items()]


def rising(began: datetime, rate: float) -> Counter:
    """A counter that rises from a moment on."""
    return lambda moment: rate * (moment - began).total_seconds() if moment >= began else None
