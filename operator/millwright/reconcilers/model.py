"""Model: keeps the registry and the resource in step."""

from millwright.api.model import ModelSpec, ModelStatus
from millwright.core import model
from millwright.core.actions import DeleteAlias, EnsureModel, ModelAction, SetAlias
from millwright.core.execution import ObjectKey
from millwright.core.model_state import ModelObserved, name_is_foreign, registered_name
from millwright.core.plan import Plan
from millwright.ports import MODELS, Clock, Cluster, Manifest, Registry
from millwright.reconcilers.base import Reconciler


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
        name = registered_name(key, spec)
        foreign = name_is_foreign(key, spec)
        observed = ModelObserved(
            key=key,
            generation=body["metadata"]["generation"],
            spec=spec,
            status=status,
            registered=None if foreign else await self._registry.find_model(name),
            versions=() if foreign else tuple(await self._registry.versions(name)),
        )
        return model.decide(observed, self._clock.now())

    async def act(self, key: ObjectKey, body: Manifest, action: ModelAction) -> None:
        match action:
            case EnsureModel(name, description, tags):
                await self._registry.ensure_model(name, description, tags)
            case SetAlias(name, alias, version):
                await self._registry.set_alias(name, alias, version)
            case DeleteAlias(name, alias):
                await self._registry.delete_alias(name, alias)
