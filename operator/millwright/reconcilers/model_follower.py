"""Wakes Models whose registered model looks otherwise than when they looked last: the registry itself tells nobody."""

import asyncio
import logging
from collections.abc import Callable

from millwright.core.execution import ObjectKey
from millwright.core.registry import RegisteredModel
from millwright.ports import DependencyError, Registry, RejectedError

INTERVAL_SECONDS = 30.0
Wake = Callable[[ObjectKey], None]
logger = logging.getLogger(__name__)


class ModelFollower:
    """One list call for all Models, however many there are."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: dict[ObjectKey, tuple[str, RegisteredModel | None]] = {}

    def saw(self, key: ObjectKey, name: str, registered: RegisteredModel | None) -> None:
        """What a Model's look found under its registered name."""
        self._seen[key] = name, registered

    def forget(self, key: ObjectKey) -> None:
        """The Model is being looked at, or is gone."""
        self._seen.pop(key, None)

    async def run(self, wake: Wake, seconds: float = INTERVAL_SECONDS) -> None:
        """Looks for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.compare(wake)

    async def compare(self, wake: Wake) -> None:
        """One look. What cannot be read now is compared the next time."""
        try:
            there = {model.name: model for model in await self._registry.list_models()}
        except (DependencyError, RejectedError) as error:
            logger.warning("registered models cannot be listed: %s", error)
            return
        for key, (name, seen) in list(self._seen.items()):
            if there.get(name) != seen:
                wake(key)
