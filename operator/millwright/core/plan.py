"""Plans: what a decision says is to be done, as values that can be printed and compared."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Action = TypeVar("Action", covariant=True)
Status = TypeVar("Status", covariant=True)


@dataclass(frozen=True)
class Plan(Generic[Action, Status]):
    """What to do now, what to report, and when to look again (seconds; None: when something changes)."""

    status: Status
    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None
