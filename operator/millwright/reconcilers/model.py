"""Model: keeps the registry and the resource in step."""

from dataclasses import replace

from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import model
from millwright.core.actions import DeleteAlias, EnsureModel, ModelAction, SetAlias
from millwright.core.deployed import ROLES, Served, Server
from millwright.core.execution import ObjectKey
from millwright.core.model_state import ModelObserved, name_is_foreign, registered_name
from millwright.core.plan import Plan
from millwright.ports import DEPLOYMENTS, MODELS, Clock, Cluster, Manifest, Registry
from millwright.reconcilers.base import Reconciler
from millwright.reconcilers.together import together


class ModelReconciler(Reconciler[ModelAction, ModelStatus]):
    """observe → decide → act → report."""

    resource = MODELS
    status_type = ModelStatus

    def __init__(self, cluster: Cluster, clock: Clock, registry: Registry) -> None:
        super().__init__(cluster, clock)
        self._registry = registry

    async def observe_and_decide(self, key: ObjectKey, body: Manifest) -> Plan[ModelAction, ModelStatus]:
        status = ModelStatus.model_validate(body.get("status") or {})
        if "deletionTimestamp" in body["metadata"]:
            return Plan(status)
        spec = ModelSpec.model_validate(body.get("spec") or {})
        subject = ModelObserved(key, body["metadata"]["generation"], spec, status)
        observed = subject if name_is_foreign(key, spec) else await self._observe(subject)
        return model.decide(observed, self._clock.now())

    async def _observe(self, subject: ModelObserved) -> ModelObserved:
        name = registered_name(subject.key, subject.spec)
        registered, versions, servers = await together(
            self._registry.find_model(name),
            self._registry.versions(name),
            self._cluster.list(DEPLOYMENTS, subject.key.namespace),
        )
        seen = tuple(_server(body) for body in servers)
        return replace(subject, registered=registered, versions=tuple(versions), servers=seen)

    async def act(self, key: ObjectKey, body: Manifest, action: ModelAction) -> None:
        match action:
            case EnsureModel(name, description, tags):
                await self._registry.ensure_model(name, description, tags)
            case SetAlias(name, alias, version):
                await self._registry.set_alias(name, alias, version)
            case DeleteAlias(name, alias):
                await self._registry.delete_alias(name, alias)


def _server(body: Manifest) -> Server:
    """Only what is needed: a Deployment that is wrong elsewhere is no trouble of the Model's."""
    named, status = body["spec"]["model"], body.get("status") or {}
    served = (Served(role, status[role]["version"], status[role]["digest"]) for role in ROLES if status.get(role))
    return Server(body["metadata"]["name"], named["name"], named.get("version"), tuple(served))
