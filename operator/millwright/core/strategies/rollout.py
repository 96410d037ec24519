"""What a strategy sees of a roll-out, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass

from millwright.core.strategies.walk import Walk
from millwright.core.version_set_state import VersionSetState, progress


@dataclass(frozen=True)
class RollOut:
    """A candidate on its way to take the place of what serves.

    `replicas`: pods that serve when it is over. `candidate`: None until its version set is made. `others`: pods of
    all other version sets that hold room on a node. `walk`: where it is on the steps, of a strategy that has some.
    """

    version: str
    replicas: int
    candidate: VersionSetState | None
    others: int
    walk: Walk | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all pods of the candidate answer."""
        return self.answers(self.replicas)

    @property
    def progress(self) -> str:
        """How many pods of the candidate answer, and what keeps the others from it."""
        return self.progress_to(self.replicas)

    def answers(self, pods: int) -> bool:
        """Whether the candidate has so many pods, and all of them answer."""
        return self.candidate is not None and self.candidate.answers(pods)

    def progress_to(self, pods: int) -> str:
        """`progress`, of so many pods."""
        return f"version {self.version}: {progress(self.candidate, pods)}"


@dataclass(frozen=True)
class Step:
    """What a strategy wants now.

    `serving`: pods of the version that has the traffic. `candidate`: pods of the candidate; None: it is not started.
    `promote`: the candidate takes the traffic. `weight`, `mirror`: percent of the requests that the candidate gets,
    and copies of requests. `done`: the step of the walk is over. `wait`: seconds until the time is over that it waits
    for. `awaits_pods`: the roll-out has only so long for this step.
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


Strategy = Callable[[RollOut], Step]
