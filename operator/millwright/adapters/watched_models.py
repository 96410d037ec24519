"""Specs of Models as the watch told them last: every TrainingRun asks for one several times."""

from collections.abc import Mapping
from typing import Any

from millwright.core.execution import ObjectKey
from millwright.ports import MODELS, Cluster

Spec = Mapping[str, Any]


class WatchedModels:
    """Implements ports.Models."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._specs: dict[ObjectKey, Spec] = {}

    def learn(self, key: ObjectKey, spec: Spec | None) -> None:
        """What the watch says; None: the Model is gone."""
        if spec is None:
            self._specs.pop(key, None)
        else:
            self._specs[key] = spec

    async def spec(self, key: ObjectKey) -> Spec | None:
        if key in self._specs:
            return self._specs[key]
        body = await self._cluster.get(MODELS, key.namespace, key.name)
        return None if body is None else body.get("spec") or {}
