"""States that objects of our kinds are seen in, made by the reconcilers on fakes."""

import copy
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.fakes.world import KEY, FakeWorld, deployment, model, started, training_run

from millwright.api.common import NOT_OBSERVED
from millwright.core.execution import Cause, Package
from millwright.ports import (
    APPS,
    DEPLOYMENTS,
    MODELS,
    TRAINING_RUNS,
    DependencyError,
    Manifest,
    RejectedError,
    Resource,
)

OUTAGE = DependencyError("mlflow", "connection refused")


def seen(world: FakeWorld, resource: Resource) -> Manifest:
    """The object as the API server shows it: with the status that the CRD gives it before the first look."""
    body = copy.deepcopy(world.cluster.objects[resource.plural, KEY.namespace, KEY.name])
    return {"status": {"observedGeneration": NOT_OBSERVED}} | body


async def look(reconciler: Any, times: int = 1) -> None:
    """Trouble is told in the status."""
    for _ in range(times):
        with suppress(DependencyError, RejectedError):
            await reconciler.reconcile(KEY)


@contextmanager
def failing(port: object, method: str, error: Exception) -> Iterator[None]:
    """Meanwhile, that method of a fake does."""

    async def call(*_: object) -> None:
        raise error

    setattr(port, method, call)
    yield
    delattr(port, method)


async def run(looks: int = 0, **spec: Any) -> Manifest:
    """A TrainingRun that was looked at so often, and is not at its end yet."""
    world = await started(FakeWorld(looks=1000), **spec)
    await look(world.training_runs, looks)
    return seen(world, TRAINING_RUNS)


async def ended_run(outcome: Cause | None = None, **spec: Any) -> Manifest:
    """A TrainingRun that came to its end."""
    world = await started(FakeWorld(outcomes=(outcome,)), **spec)
    await world.settle(world.training_runs)
    return seen(world, TRAINING_RUNS)


async def changed_run(outcome: Cause | None = None, looks: int = 0, **change: Any) -> Manifest:
    """A TrainingRun that came to its end, was changed, and was looked at so often since."""
    world = await started(FakeWorld(outcomes=(outcome,)))
    await world.settle(world.training_runs)
    world.cluster.put(TRAINING_RUNS, training_run(**change))
    await look(world.training_runs, looks)
    return seen(world, TRAINING_RUNS)


async def run_without_model() -> Manifest:
    world = FakeWorld()
    world.cluster.put(TRAINING_RUNS, training_run())
    await look(world.training_runs)
    return seen(world, TRAINING_RUNS)


async def run_without_registry() -> Manifest:
    """MLflow was down at the first look."""
    world = await started(FakeWorld())
    with failing(world.registry, "open_run", OUTAGE):
        await look(world.training_runs)
    return seen(world, TRAINING_RUNS)


async def run_with_outage_after_its_end() -> Manifest:
    """The write that releases the finalizer was lost once."""
    world = await started(FakeWorld())
    while world.status().get("state") != "Succeeded":
        await look(world.training_runs)
    with failing(world.cluster, "patch", DependencyError("kubernetes", "the object has been modified")):
        await look(world.training_runs)
    await world.settle(world.training_runs)
    return seen(world, TRAINING_RUNS)


async def registered(**spec: Any) -> FakeWorld:
    """A Model that is in the registry, with one version."""
    world = FakeWorld()
    world.cluster.put(MODELS, model(**spec))
    await world.settle(world.models)
    await new_version(world, "1")
    return world


async def new_version(world: FakeWorld, digest: str) -> None:
    package = Package(f"s3://models/{digest}", f"sha256:{digest}", "onnx")
    tags = {"millwright.gates": "Passed", "millwright.digest": package.digest, "millwright.package": package.uri}
    await world.registry.register(f"{KEY.namespace}.{KEY.name}", "run-1", package, tags)
    await world.settle(world.models)


async def synced(change: dict[str, Any] | None = None, **spec: Any) -> Manifest:
    """A Model in step with the registry; changed since, where there is a change."""
    world = await registered(**spec)
    if change is not None:
        world.cluster.put(MODELS, model(**spec | change))
    return seen(world, MODELS)


async def new_model(looks: int = 0, **spec: Any) -> Manifest:
    world = FakeWorld()
    world.cluster.put(MODELS, model(**spec))
    await look(world.models, looks)
    return seen(world, MODELS)


async def model_without_registry(error: Exception) -> Manifest:
    """MLflow answered so at the first look."""
    world = FakeWorld()
    world.cluster.put(MODELS, model())
    with failing(world.registry, "find_model", error):
        await look(world.models)
    return seen(world, MODELS)


async def model_in_outage() -> Manifest:
    """It was in step when the registry went down."""
    world = await registered()
    with failing(world.registry, "find_model", OUTAGE):
        await look(world.models)
    return seen(world, MODELS)


async def unserved(looks: int = 1, model_spec: dict[str, Any] | None = None, **spec: Any) -> Manifest:
    """A Deployment none of whose pods has ever answered."""
    world = await registered(**model_spec or {})
    world.cluster.put(DEPLOYMENTS, deployment(**spec))
    await look(world.deployments, looks)
    return seen(world, DEPLOYMENTS)


async def deployment_without_model() -> Manifest:
    world = FakeWorld()
    world.cluster.put(DEPLOYMENTS, deployment())
    await look(world.deployments)
    return seen(world, DEPLOYMENTS)


async def serving(**spec: Any) -> FakeWorld:
    """A Deployment all of whose pods answer."""
    world = await registered()
    world.cluster.put(DEPLOYMENTS, deployment(**spec))
    await look(world.deployments)
    answer(world)
    await look(world.deployments, 12)
    return world


def answer(world: FakeWorld, share: int = 1) -> None:
    """All pods (0: none) of all version sets do."""
    for (plural, _, _), body in world.cluster.objects.items():
        if plural == APPS.plural:
            ready = {"availableReplicas": body["spec"]["replicas"] * share}
            body["status"] = {"observedGeneration": body["metadata"]["generation"]} | ready


async def served(**spec: Any) -> Manifest:
    return seen(await serving(**spec), DEPLOYMENTS)


async def served_while_the_next_version(looks: int, **spec: Any) -> Manifest:
    """It starts, and never answers."""
    world = await serving(**spec)
    await new_version(world, "2")
    await look(world.deployments, looks)
    return seen(world, DEPLOYMENTS)


async def pods_lost() -> Manifest:
    world = await serving()
    answer(world, 0)
    await look(world.deployments)
    return seen(world, DEPLOYMENTS)


async def served_in_outage() -> Manifest:
    """It served when the registry went down."""
    world = await serving()
    with failing(world.registry, "versions", OUTAGE):
        await look(world.deployments)
    return seen(world, DEPLOYMENTS)


async def deleted(make: Callable[[], Awaitable[Manifest]]) -> Manifest:
    """On its way out: somebody's finalizer holds it."""
    body = await make()
    return body | {"metadata": body["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
