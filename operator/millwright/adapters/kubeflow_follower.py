"""Wakes TrainingRuns whose run on the Kubeflow server looks otherwise than before: the server itself tells nobody."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from millwright.adapters import kubeflow_runs
from millwright.adapters.kubeflow_snapshots import INTERVAL_SECONDS, Snapshot, Snapshots, Space
from millwright.core.execution import ObjectKey
from millwright.ports import DependencyError, RejectedError

Wake = Callable[[ObjectKey], None]
logger = logging.getLogger(__name__)


@dataclass
class Followed:
    """A run under way, whose it is, and how it looked."""

    owner: ObjectKey
    look: Any


class Follower:
    """Compares snapshots, one for all runs of a space."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._followed: dict[Space, dict[str, Followed]] = {}

    def follow(self, space: Space, name: str, owner: ObjectKey, snapshot: Snapshot) -> None:
        """From now on, until it has ended; `snapshot`: what the owner was just told of."""
        self._followed.setdefault(space, {})[name] = Followed(owner, _look(snapshot, name))

    async def run(self, wake: Wake, seconds: float = INTERVAL_SECONDS) -> None:
        """Looks for ever."""
        while True:
            await asyncio.sleep(seconds)
            for space in [space for space, runs in self._followed.items() if runs]:
                await self.compare(space, wake)

    async def compare(self, space: Space, wake: Wake) -> None:
        """One look at a space. What cannot be read now is compared the next time."""
        try:
            snapshot = await self._snapshots.of(space)
        except (DependencyError, RejectedError) as error:
            logger.warning("runs of namespace %s cannot be read: %s", space.pod_namespace, error)
            return
        for name, followed in list(self._followed[space].items()):
            look = _look(snapshot, name)
            if look is None:
                del self._followed[space][name]
            if look is None or look != followed.look:
                followed.look = look
                wake(followed.owner)


def _look(snapshot: Snapshot, name: str) -> Any:
    """What a TrainingRun's status tells of a run, as a value; None: it is not under way."""
    run = snapshot.run(name)
    if run is None:
        return None
    pods = snapshot.pods.get(run["run_id"], [])
    return run.get("state"), kubeflow_runs.tasks(run, pods), kubeflow_runs.waiting_for(pods)
