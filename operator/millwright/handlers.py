"""kopf: watch, map events to object keys, wake the queues. Nothing else.

What wakes what: the object itself and what it owns, as a Model its import's Job; a Model wakes the Deployments that
name it, the Models that depend on it, and the TrainingRuns that name it and have no result, or one that it may lift; a
Deployment wakes the Model that it names, and a TrainingRun the one that it made a version of; other node pools wake all
Deployments. A ConfigMap is not watched: a TrainingRun that waits for one looks again by itself. Of autoscalers only the
end is told: their status changes every few seconds. A replica that does not lead watches too: its queues are filled and
wait.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import kopf
from pydantic import ValidationError

from millwright.adapters.clock import SystemClock
from millwright.adapters.jobs import IMPORT, MODEL_LABEL, STEP_LABEL, TRAINING_RUN_LABEL
from millwright.api.common import API_VERSION
from millwright.core import housekeeping
from millwright.core.children import DEPLOYMENT_LABEL
from millwright.core.execution import ObjectKey
from millwright.core.packaging import UNSAFE_FORMAT
from millwright.ports import AUTOSCALERS, DEPLOYMENTS, MODELS, TRAINING_RUNS, WORKLOADS, Resource
from millwright.queue import stop
from millwright.reconcilers.training_run import subject_of
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


class NothingToCompare(kopf.DiffBaseStorage):
    """kopf compares each object with what it was, for handlers of a kind that we have none of: half of what it does."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return


class Watches:
    """What the watched objects told: which refer to which Models, what version a run made, a Model's generation."""

    def __init__(self) -> None:
        self._models_of: dict[tuple[str, ObjectKey], tuple[str, ...]] = {}
        self._versions: dict[ObjectKey, str] = {}
        self._generations: dict[ObjectKey, int] = {}

    def learn(self, kind: str, key: ObjectKey, *models: str) -> None:
        """Remembers the Models that an object names, and forgets others."""
        self._models_of.pop((kind, key), None)
        if models:
            self._models_of[kind, key] = models

    def is_new_version(self, run: ObjectKey, version: str | None) -> bool:
        """Whether the run has made this version since it was last asked for."""
        known = self._versions.pop(run, None)
        if version is not None:
            self._versions[run] = version
        return version is not None and version != known

    def is_new_spec(self, model: ObjectKey, generation: int | None) -> bool:
        """Whether the Model asks for something else than when this was asked before. None: it is gone."""
        known = self._generations.pop(model, None)
        if generation is not None:
            self._generations[model] = generation
        return known is None or generation != known

    def users(self, kind: str, model: ObjectKey) -> list[ObjectKey]:
        """Objects of a kind that name the Model."""
        named = ((key, models) for (k, key), models in self._models_of.items() if k == kind)
        return [key for key, models in named if key.namespace == model.namespace and model.name in models]

    def all(self, kind: str) -> list[ObjectKey]:
        """Objects of a kind that name any Model."""
        return [key for k, key in self._models_of if k == kind]


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
        running["task"] = asyncio.create_task(operator.run(wake_deployments))

    @kopf.on.cleanup(registry=handlers)
    async def end(**_: Any) -> None:
        await stop(running["task"])
        await running["operator"].close()

    @kopf.on.probe(registry=handlers, id="queues")
    async def alive(**_: Any) -> str:
        if running["task"].done():
            raise RuntimeError("the queues, or what follows node pools or runs, have ended")
        return "running"

    def operator() -> Operator:
        found: Operator = running["operator"]
        return found

    def wake_deployments() -> None:
        for key in watches.all("Deployment"):
            operator().deployments.add(key)

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
    settings.persistence.diffbase_storage = NothingToCompare()


def _watch_kinds(handlers: kopf.OperatorRegistry, watches: Watches, operator: Any) -> None:
    def learn(resource: Resource, body: kopf.Body, type: str | None, is_wanted: bool = True) -> None:
        if type == "DELETED" or not is_wanted:
            operator().cache.forget(resource, _key(body))
        else:
            operator().cache.learn(resource, dict(body))

    @kopf.on.event(API_VERSION, "trainingruns", registry=handlers)
    async def training_run(body: kopf.Body, type: str | None, **_: Any) -> None:
        key = _key(body)
        over, at_rest = type == "DELETED" or has_result(body), is_at_rest(key, body)
        watches.learn("TrainingRun", key, *(() if over else (body["spec"]["output"]["model"],)))
        learn(TRAINING_RUNS, body, type, is_wanted=not at_rest)
        if not at_rest:
            operator().training_runs.add(key)
        is_new = watches.is_new_version(key, None if type == "DELETED" else body.get("status", {}).get("modelVersion"))
        if is_new and type is not None:  # a listing: then the Model is looked at because it is listed, too
            operator().models.add(ObjectKey(key.namespace, body["spec"]["output"]["model"]))

    @kopf.on.event(API_VERSION, "models", registry=handlers)
    async def model(body: kopf.Body, type: str | None, **_: Any) -> None:
        key, gone = _key(body), type == "DELETED"
        learn(MODELS, body, type)
        upstream = body.get("spec", {}).get("dependsOn", ())
        watches.learn("Model", key, *(() if gone else (reference["name"] for reference in upstream)))
        operator().models.add(key)
        for user in watches.users("Model", key):
            operator().models.add(user)
        if watches.is_new_spec(key, None if gone else body["metadata"]["generation"]):
            for user in watches.users("TrainingRun", key):  # of its status they want to know nothing
                operator().training_runs.add(user)
        for user in watches.users("Deployment", key):
            operator().deployments.add(user)

    @kopf.on.event(API_VERSION, "modeldeployments", registry=handlers)
    async def deployment(body: kopf.Body, type: str | None, **_: Any) -> None:
        key, served = _key(body), body["spec"]["model"]["name"]
        learn(DEPLOYMENTS, body, type)
        watches.learn("Deployment", key, *(() if type == "DELETED" else (served,)))
        operator().deployments.add(key)
        operator().models.add(ObjectKey(key.namespace, served))


def _watch_queues(handlers: kopf.OperatorRegistry, operator: Any) -> None:
    @kopf.on.event(
        WORKLOADS.api_version, WORKLOADS.plural, labels={TRAINING_RUN_LABEL: kopf.PRESENT}, registry=handlers
    )
    async def workload(body: kopf.Body, **_: Any) -> None:
        operator().training_runs.add(_owner(body, TRAINING_RUN_LABEL))


def _watch_children(handlers: kopf.OperatorRegistry, operator: Any) -> None:
    @kopf.on.event("batch/v1", "jobs", labels={TRAINING_RUN_LABEL: kopf.PRESENT}, when=is_news, registry=handlers)
    async def job(body: kopf.Body, **_: Any) -> None:
        operator().training_runs.add(_owner(body, TRAINING_RUN_LABEL))

    @kopf.on.event("batch/v1", "jobs", labels={STEP_LABEL: IMPORT}, when=is_news, registry=handlers)
    async def import_job(body: kopf.Body, **_: Any) -> None:
        operator().models.add(_owner(body, MODEL_LABEL))

    @kopf.on.event("apps/v1", "deployments", labels={DEPLOYMENT_LABEL: kopf.PRESENT}, when=is_news, registry=handlers)
    async def version_set(body: kopf.Body, **_: Any) -> None:
        operator().deployments.add(_owner(body, DEPLOYMENT_LABEL))

    @kopf.on.event("v1", "services", labels={DEPLOYMENT_LABEL: kopf.PRESENT}, when=is_news, registry=handlers)
    async def service(body: kopf.Body, **_: Any) -> None:
        operator().deployments.add(_owner(body, DEPLOYMENT_LABEL))

    @kopf.on.event(
        AUTOSCALERS.api_version, AUTOSCALERS.plural, labels={DEPLOYMENT_LABEL: kopf.PRESENT}, registry=handlers
    )
    async def autoscaler(body: kopf.Body, type: str | None, **_: Any) -> None:
        if type == "DELETED":
            operator().deployments.add(_owner(body, DEPLOYMENT_LABEL))


def is_news(type: str | None, **_: Any) -> bool:
    """Not what a watch lists as it begins: whoever a child is of is listed, too, and reads its children itself."""
    return type is not None


def has_result(body: Mapping[str, Any]) -> bool:
    """Whether a TrainingRun's status is the result of its present spec, whatever becomes of its Model."""
    status, generation = body.get("status", {}), body["metadata"]["generation"]
    known = (c for c in status.get("conditions", ()) if c.get("observedGeneration") == generation)
    ended = any(c["status"] != "Unknown" for c in known if c["type"] == "Succeeded")
    return ended and status.get("failure", {}).get("reason") != UNSAFE_FORMAT


def is_at_rest(key: ObjectKey, body: Mapping[str, Any]) -> bool:
    """Whether a look at a TrainingRun would do nothing: most are so, whenever the operator starts."""
    try:
        return housekeeping.is_at_rest(subject_of(key, body), SystemClock().now())
    except ValidationError:
        return False  # a look tells what is wrong


def _key(body: kopf.Body) -> ObjectKey:
    return ObjectKey(str(body.metadata.namespace), str(body.metadata.name))


def _owner(body: kopf.Body, label: str) -> ObjectKey:
    return ObjectKey(str(body.metadata.namespace), body.metadata.labels[label])
