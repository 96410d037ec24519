"""What a strategy sees of a roll-out, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass

from millwright.core.version_set_state import VersionSetState


@dataclass(frozen=True)
class RollOut:
    """A candidate on its way to take the place of what serves.

    `replicas`: pods that serve when it is over. `candidate`: None until its version set is made. `others`: pods of
    all other version sets that hold room on a node.
    """

    version: str
    replicas: int
    candidate: VersionSetState | None
    others: int

    @property
    def is_complete(self) -> bool:
        """Whether all pods of the candidate answer."""
        return self.candidate is not None and self.candidate.answers(self.replicas)

    @property
    def progress(self) -> str:
        """How many pods of the candidate answer, and what keeps the others from it."""
        have, trouble = (self.candidate.ready, self.candidate.trouble) if self.candidate else (0, None)
        return f"version {self.version}: {have} of {self.replicas} pods answer" + (f": {trouble}" if trouble else "")


@dataclass(frozen=True)
class Step:
    """What a strategy wants now.

    `serving`: pods of the version that has the traffic. `candidate`: pods of the candidate; None: it is not started.
    `promote`: the candidate takes the traffic.
    """

    serving: int
    candidate: int | None
    reason: str
    message: str
    promote: bool = False


Strategy = Callable[[RollOut], Step]
