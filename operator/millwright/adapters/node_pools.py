"""The platform's node pools: a mounted file that is read again when it changes."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from millwright import telemetry
from millwright.adapters.node_pool_settings import parse
from millwright.core.node_pools import NodePools

logger = logging.getLogger(__name__)
SECONDS = 10.0


class NodePoolsFile:
    """The pools as they are now. A text that is wrong changes nothing: the last good pools stay."""

    def __init__(self, path: Path | None) -> None:
        """Without a file the platform has no pools. Raises ValueError with a list of all that is wrong."""
        self._path = path
        self._seen = content(path) if path else None
        self._pools = parse(self._seen) if path else NodePools()
        _publish(self._pools)

    def current(self) -> NodePools:
        """The last good pools."""
        return self._pools

    async def follow(self, changed: Callable[[], None], seconds: float = SECONDS) -> None:
        """Looks at the file for ever. By its content: a ConfigMap volume swaps a link far above the file."""
        while True:
            await asyncio.sleep(seconds)
            if self.reload():
                changed()

    def reload(self) -> bool:
        """Reads the file again: whether the pools are others now. A wrong text is logged and counted once."""
        found = content(self._path) if self._path else None
        if found == self._seen:
            return False
        self._seen = found
        try:
            self._pools = parse(found)
        except ValueError as error:
            telemetry.SETTINGS_RELOAD_FAILURES.inc()
            logger.error("%s is wrong, and the node pools stay as they were: %s", self._path, error)
            return False
        _publish(self._pools)
        logger.info("node pools are now: %s", ", ".join(sorted(self._pools.pools)) or "none")
        return True


def content(path: Path) -> bytes | None:
    """The file's bytes; None where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _publish(pools: NodePools) -> None:
    telemetry.NODE_POOL_HOURLY_COST.clear()
    for pool in pools.pools.values():
        telemetry.NODE_POOL_HOURLY_COST.labels(pool.name, pools.currency).set(float(pool.hourly_cost))
