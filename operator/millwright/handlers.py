"""kopf: watch, map events to object keys, wake the queues. Nothing else.

What wakes what: the object itself and what it owns; a Model wakes the Deployments that name it, and the TrainingRuns
that name it and have no result; a ConfigMap is not watched: a TrainingRun that waits for one looks again by itself.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import kopf

from millwright.adapters.jobs import TRAINING_RUN_LABEL
from millwright.api.common import API_VERSION
from millwright.core.execution import ObjectKey
from millwright.core.version_set import DEPLOYMENT_LABEL
from millwright.ports import WORKLOADS
from millwright.queue import stop
from millwright.settings import Settings
from millwright.wiring import Operator, build

# The API server ends a watch with a bookmark, so that the next begins where it ended: one that is silent for longer
# than that is dead, whatever its connection looks like.
WATCH_SECONDS = 30
SILENT_SECONDS = 40.0
REQUEST_SECONDS = 30.0
# Of failed requests, after which kopf ends the process. Ten minutes: a pod that ends sooner waits longer and longer for
# its next start.
BACKOFFS = (1, 1, 2, 3, 5, *(8,) * 75)


class Watches:
    """Which keys refer to which Model, learnt from the watched objects themselves."""

    def __init__(self) -> None:
        self._model_of: dict[tuple[str, ObjectKey], ObjectKey] = {}

    def learn(self, kind: str, key: ObjectKey, model: str | None) -> None:
        """Remembers (None: forgets) the Model that an object names."""
        if model is None:
            self._model_of.pop((kind, key), None)
        else:
            self._model_of[kind, key] = ObjectKey(key.namespace, model)

    def users(self, kind: str, model: ObjectKey) -> list[ObjectKey]:
        """Objects of a kind that name the Model."""
        return [key for (k, key), m in self._model_of.items() if k == kind and m == model]


def registry(settings: Settings) -> kopf.OperatorRegistry:
    """The kopf registry with all our handlers."""
    handlers = kopf.OperatorRegistry()
    watches = Watches()
    running: dict[str, Any] = {}

    @kopf.on.login(registry=handlers)
    def log_in(**known: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**known) or kopf.login_with_kubeconfig(**known)

    @kopf.on.startup(registry=handlers)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        operator = running["operator"] = await build(running["settings"])
        queues = (operator.training_runs, operator.models, operator.deployments)
        endless = (*(queue.run() for queue in queues), operator.node_pools.follow())
        running["tasks"] = [asyncio.create_task(work) for work in endless]

    @kopf.on.cleanup(registry=handlers)
    async def end(**_: Any) -> None:
        for task in running["tasks"]:
            await stop(task)
        await running["operator"].close()

    @kopf.on.probe(registry=handlers, id="queues")
    async def alive(**_: Any) -> str:
        if any(task.done() for task in running["tasks"]):
            raise RuntimeError("a queue, or what follows the node pools, has ended")
        return "running"

    def operator() -> Operator:
        found: Operator = running["operator"]
        return found

    running["settings"] = settings
    _watch_kinds(handlers, watches, operator)
    _watch_children(handlers, operator)
    if settings.kueue:
        _watch_queues(handlers, operator)
    return handlers


def configure(settings: kopf.OperatorSettings) -> None:
    """How kopf watches, and how long it goes on where the API server fails."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.inactivity_timeout = SILENT_SECONDS
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.error_backoffs = BACKOFFS


def _watch_kinds(handlers: kopf.OperatorRegistry, watches: Watches, operator: Any) -> None:
    @kopf.on.event(API_VERSION, "trainingruns", registry=handlers)
    async def training_run(body: kopf.Body, type: str | None, **_: Any) -> None:
        key = _key(body)
        over = type == "DELETED" or has_result(body)
        watches.learn("TrainingRun", key, None if over else body["spec"]["output"]["model"])
        operator().training_runs.add(key)
        if body.get("status", {}).get("modelVersion"):
            operator().models.add(ObjectKey(key.namespace, body["spec"]["output"]["model"]))

    @kopf.on.event(API_VERSION, "models", registry=handlers)
    async def model(body: kopf.Body, **_: Any) -> None:
        key = _key(body)
        operator().models.add(key)
        for user in watches.users("TrainingRun", key):
            operator().training_runs.add(user)
        for user in watches.users("Deployment", key):
            operator().deployments.add(user)

    @kopf.on.event(API_VERSION, "modeldeployments", registry=handlers)
    async def deployment(body: kopf.Body, type: str | None, **_: Any) -> None:
        key = _key(body)
        watches.learn("Deployment", key, None if type == "DELETED" else body["spec"]["model"]["name"])
        operator().deployments.add(key)


def _watch_queues(handlers: kopf.OperatorRegistry, operator: Any) -> None:
    @kopf.on.event(
        WORKLOADS.api_version, WORKLOADS.plural, labels={TRAINING_RUN_LABEL: kopf.PRESENT}, registry=handlers
    )
    async def workload(body: kopf.Body, **_: Any) -> None:
        operator().training_runs.add(_owner(body, TRAINING_RUN_LABEL))


def _watch_children(handlers: kopf.OperatorRegistry, operator: Any) -> None:
    @kopf.on.event("batch/v1", "jobs", labels={TRAINING_RUN_LABEL: kopf.PRESENT}, registry=handlers)
    async def job(body: kopf.Body, **_: Any) -> None:
        operator().training_runs.add(_owner(body, TRAINING_RUN_LABEL))

    @kopf.on.event("apps/v1", "deployments", labels={DEPLOYMENT_LABEL: kopf.PRESENT}, registry=handlers)
    async def version_set(body: kopf.Body, **_: Any) -> None:
        operator().deployments.add(_owner(body, DEPLOYMENT_LABEL))

    @kopf.on.event("v1", "services", labels={DEPLOYMENT_LABEL: kopf.PRESENT}, registry=handlers)
    async def service(body: kopf.Body, **_: Any) -> None:
        operator().deployments.add(_owner(body, DEPLOYMENT_LABEL))


def has_result(body: Mapping[str, Any]) -> bool:
    """Whether a TrainingRun's status is the result of its present spec: then no change of its Model matters to it."""
    status = body.get("status", {})
    known = status.get("observedGeneration") == body["metadata"]["generation"]
    ends = (c["status"] != "Unknown" for c in status.get("conditions", ()) if c["type"] == "Succeeded")
    return known and any(ends)


def _key(body: kopf.Body) -> ObjectKey:
    return ObjectKey(str(body.metadata.namespace), str(body.metadata.name))


def _owner(body: kopf.Body, label: str) -> ObjectKey:
    return ObjectKey(str(body.metadata.namespace), body.metadata.labels[label])
