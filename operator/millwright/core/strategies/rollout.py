"""What a strategy sees of a roll-out, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from millwright.core.room import UNSCHEDULABLE
from millwright.core.strategies.walk import Walk
from millwright.core.version_set_state import VersionSetState, progress


@dataclass(frozen=True)
class Surge:
    """What becomes of a candidate where nodes may have no room for it beside what serves.

    `missing`: pods that may be missing, as what serves gives up some; 0: it gives up none. `least`: that it keeps.
    `lacking`: what pods without a node wait for; None: there are none. `stuck`: for as long as the deadline.
    """

    missing: int = 0
    least: int = 0
    lacking: str | None = None
    stuck: bool = False


@dataclass(frozen=True)
class Step:
    """What a strategy wants now.

    `serving`: pods of the version that has the traffic. `candidate`: pods of the candidate; None: it is not started.
    `promote`: the candidate takes the traffic. `weight`, `mirror`: percent of the requests that the candidate gets,
    and copies of requests. `done`: the step of the walk is over. `wait`: seconds until the time is over that it waits
    for. `awaits_pods`: the roll-out has only so long for this step. `stuck`: pods found no room in that time.
    """

    serving: int
    candidate: int | None
    reason: str
    message: str
    promote: bool = False
    weight: int = 0
    mirror: int = 0
    done: bool = False
    wait: float | None = None
    awaits_pods: bool = True
    stuck: bool = False


@dataclass(frozen=True)
class RollOut:
    """A candidate on its way to take the place of what serves.

    `replicas`: pods that serve when it is over. `candidate`: None until its version set is made. `others`: pods of
    all other version sets that hold room on a node. `walk`: where it is on the steps, of a strategy that has some.
    `surge`: whether it finds room.
    """

    version: str
    replicas: int
    candidate: VersionSetState | None
    others: int
    walk: Walk | None = None
    surge: Surge = Surge()

    @property
    def is_complete(self) -> bool:
        """Whether all pods of the candidate answer, or as many as may take the place of what serves."""
        return self.answers(self.replicas)

    @property
    def ready(self) -> int:
        """Pods of the candidate that answer."""
        return self.candidate.ready if self.candidate is not None else 0

    @property
    def progress(self) -> str:
        """How many pods of the candidate answer, and what keeps the others from it."""
        return self.progress_to(self.replicas)

    def answers(self, pods: int) -> bool:
        """Whether the candidate has so many pods, and all of them answer that must."""
        return self.candidate is not None and self.candidate.answers(pods, self._needed(pods))

    def kept(self, pods: int) -> int:
        """Pods of what serves while the candidate comes to have so many: together they are `replicas`."""
        given = min(pods, self.surge.missing + self.ready) if self.surge.missing else 0
        return max(self.replicas - given, min(self.surge.least, self.replicas))

    def told(self, step: Step) -> Step:
        """The step, and what it waits for where there is no room."""
        if self.surge.lacking is None or not step.awaits_pods:
            return step
        message = f"{step.message}; {self.surge.lacking}"
        return replace(step, reason=UNSCHEDULABLE, message=message, stuck=self.surge.stuck)

    def progress_to(self, pods: int) -> str:
        """`progress`, of so many pods."""
        return f"version {self.version}: {progress(self.candidate, pods)}"

    def _needed(self, pods: int) -> int:
        """Where nothing else is left to answer, and nothing more will: those that there is room for."""
        if self.surge.stuck and not self.others:
            return min(pods, 1)
        return min(pods, max(self.replicas - self.surge.missing, 1)) if self.surge.missing else pods


Strategy = Callable[[RollOut], Step]
