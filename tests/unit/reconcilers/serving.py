"""A fake world with a Deployment in it, and what Kubernetes does with its version sets."""

from contextlib import suppress
from typing import Any

from tests.fakes.faults import Killed
from tests.fakes.world import KEY, FakeWorld, deployment, model
from tests.unit.reconcilers import nodes

from millwright.core.execution import Package
from millwright.core.serving_pod import VERSION_SET_LABEL
from millwright.ports import APPS, AUTOSCALERS, DEPLOYMENTS, MODELS, PODS, SERVICES, Manifest, Resource

NAME = "flights.arr-delay"
PLURAL = DEPLOYMENTS.plural
BROKEN = "sha256:broken"


async def new_version(world: FakeWorld, digest: str) -> None:
    """As a TrainingRun registers it; the champion moves to it."""
    package = Package(f"s3://models/{digest}", digest, "onnx")
    tags = {"millwright.gates": "Passed", "millwright.digest": digest, "millwright.package": package.uri}
    await world.registry.register(NAME, "run-1", package, tags)
    await world.settle(world.models)


async def started(world: FakeWorld, **spec: Any) -> FakeWorld:
    """A Model with one version, and a Deployment of it."""
    world.cluster.put(MODELS, model())
    await world.settle(world.models)
    await new_version(world, "sha256:one")
    world.cluster.put(DEPLOYMENTS, deployment(**spec))
    return world


async def look(world: FakeWorld, times: int) -> None:
    """Reconciles so often, while nothing happens in the cluster."""
    for _ in range(times):
        await world.deployments.reconcile(KEY)


async def run(world: FakeWorld, times: int = 30) -> None:
    """Reconciles so often, through crashes, while Kubernetes does its part."""
    for _ in range(times):
        run_pods(world)
        with suppress(Killed):
            await world.deployments.reconcile(KEY)


def sets(world: FakeWorld) -> list[str]:
    """Names of the version sets."""
    return [name for plural, _, name in world.cluster.objects if plural == APPS.plural]


def replicas(world: FakeWorld, name: str) -> int:
    """Pods that a version set asks for."""
    return int(world.cluster.objects[APPS.plural, KEY.namespace, name]["spec"]["replicas"])


def served(world: FakeWorld) -> str:
    """The version set that has the traffic."""
    service = world.cluster.objects[SERVICES.plural, KEY.namespace, KEY.name]
    return str(service["spec"]["selector"][VERSION_SET_LABEL])


def autoscaler(world: FakeWorld) -> Manifest | None:
    """The HorizontalPodAutoscaler of the Deployment's name."""
    return world.cluster.objects.get((AUTOSCALERS.plural, KEY.namespace, KEY.name))


def pods(world: FakeWorld) -> set[str]:
    """Version sets that have pods, which may be ending."""
    return {body["metadata"]["labels"][VERSION_SET_LABEL] for body in _all(world, PODS)}


def run_pods(world: FakeWorld) -> None:
    """As the Deployment controller and the kubelets do: a pod ends one look after it is told to; BROKEN ones crash."""
    versions = _all(world, APPS)
    wanted = {f"{body['metadata']['name']}-{n}": body for body in versions for n in range(body["spec"]["replicas"])}
    _end_pods(world, set(wanted))
    for name, body in wanted.items():
        if (PODS.plural, KEY.namespace, name) not in world.cluster.objects:
            world.cluster.put(PODS, _pod(name, body))
    if world.room is not None:
        nodes.place(world, _all(world, PODS), world.room)
    for body in versions:
        number, generation = body["spec"]["replicas"], body["metadata"]["generation"]
        answer = number if world.room is None else nodes.answering(_all(world, PODS), body["metadata"]["name"])
        counts = {"replicas": number, "availableReplicas": 0 if _is_broken(body) else answer}
        body["status"] = {"observedGeneration": generation} | counts


def _all(world: FakeWorld, resource: Resource) -> list[Manifest]:
    return [body for (plural, _, _), body in world.cluster.objects.items() if plural == resource.plural]


def _end_pods(world: FakeWorld, wanted: set[str]) -> None:
    for pod in _all(world, PODS):
        metadata = pod["metadata"]
        if "deletionTimestamp" in metadata:
            del world.cluster.objects[PODS.plural, KEY.namespace, metadata["name"]]
        elif metadata["name"] not in wanted:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"


def _is_broken(body: Manifest) -> bool:
    environment = body["spec"]["template"]["spec"]["containers"][0]["env"]
    return {"name": "MILLWRIGHT_PACKAGE_DIGEST", "value": BROKEN} in environment


def _pod(name: str, body: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": KEY.namespace, "labels": body["spec"]["template"]["metadata"]["labels"]}
    if not _is_broken(body):
        return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    ended = {"terminated": {"exitCode": 3, "message": "another digest"}}
    return {"metadata": metadata, "status": {"containerStatuses": [{"name": "server", "lastState": ended}]}}
