"""The platform's node pools: a mounted file that is read again when it changes."""

import asyncio
import logging
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

    async def follow(self, seconds: float = SECONDS) -> None:
        """Looks at the file for ever. By its content: a ConfigMap volume swaps a link far above the file."""
        while True:
            await asyncio.sleep(seconds)
            self.reload()

    def reload(self) -> None:
        """Reads the file again. What is wrong with a text is logged and counted once."""
        if self._path is None:
            return
        found = content(self._path)
        if found == self._seen:
            return
        self._seen = found
        try:
            self._pools = parse(found)
        except ValueError as error:
            telemetry.SETTINGS_RELOAD_FAILURES.inc()
            logger.error("%s is wrong, and the node pools stay as they were: %s", self._path, error)
            return
        _publish(self._pools)
        logger.info("node pools are now: %s", ", ".join(sorted(self._pools.pools)) or "none")


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
