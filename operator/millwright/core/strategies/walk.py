"""Where a candidate is on the steps of its strategy, and what may keep it there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from millwright.api import rollout as api
from millwright.core.analysis.verdict import Verdict

DEFAULT_STEPS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "Canary": ({"setWeight": 10}, {"pause": {"seconds": 60}}, {"setWeight": 50}, {"pause": {"seconds": 60}}),
    "BlueGreen": ({"pause": {}},),
    "Shadow": ({"mirror": 100}, {"pause": {"seconds": 300}}),
}


def steps_of(strategy: api.Strategy) -> tuple[api.Step, ...]:
    """The steps that are given, or those that the strategy has by itself; none of one that has no steps."""
    if strategy.steps is not None:
        return strategy.steps
    return tuple(api.Step.model_validate(step) for step in DEFAULT_STEPS.get(strategy.type, ()))


@dataclass(frozen=True)
class Hold:
    """Why a roll-out may not go on now: somebody paused it, or it cannot be seen or steered.

    `wait`: seconds until that may be over, where it is soon.
    """

    reason: str
    message: str
    wait: float | None = None


@dataclass(frozen=True)
class Walk:
    """Where a candidate is.

    `index`: the step that is under way; as many as there are steps when all are over. `since`: when it began.
    `promoted`: `spec.rollout.promote`, where it is of this version. `verdict`: of the analysis; None: there is none.
    `of_all`: a candidate's pods are its share of all pods, not of its own and those of stable.
    """

    steps: tuple[api.Step, ...]
    index: int
    since: datetime
    now: datetime
    of_all: bool = False
    promoted: api.Promotion | None = None
    verdict: Verdict | None = None
    hold: Hold | None = None

    @property
    def current(self) -> api.Step | None:
        """The step that is under way; None: all are over."""
        return self.steps[self.index] if self.index < len(self.steps) else None

    @property
    def weight(self) -> int:
        """Percent of the requests, as of the steps that are over."""
        return self._last("set_weight", self.index)

    @property
    def mirror(self) -> int:
        """Percent of the requests that are copied, as of the steps that are over."""
        return self._last("mirror", self.index)

    @property
    def in_full(self) -> bool:
        """Whether somebody has approved all that is left."""
        return self.promoted is not None and self.promoted.step is None

    @property
    def is_approved(self) -> bool:
        """Whether somebody has approved the present step."""
        return self.promoted is not None and (self.promoted.step is None or self.index <= self.promoted.step)

    @property
    def is_sure(self) -> bool:
        """Whether the analysis has passed, or nobody asks for it."""
        return self.verdict is None or self.verdict.passed or self.in_full

    def remaining(self, seconds: int) -> float:
        """Seconds of the present step's time that are left; not positive when it is over."""
        return (self.since + timedelta(seconds=seconds) - self.now).total_seconds()

    def replicas(self, whole: int, all_at_once: bool) -> int:
        """Pods of the candidate that the present step needs, of `whole` when it is promoted."""
        if self.current is None:
            return whole
        chosen = self._last("set_replicas", self.index + 1)
        if chosen:
            return chosen
        return whole if all_at_once else self._for_share(whole)

    def _for_share(self, whole: int) -> int:
        """Pods that carry a share; without a Gateway, that make it."""
        share = max(self._last("set_weight", self.index + 1), self._last("mirror", self.index + 1))
        of_all = self.of_all or share == 100
        needed = ceil(whole * share / 100) if of_all else round(whole * share / (100 - share))
        return min(max(needed, 1), whole)

    def _last(self, field: str, end: int) -> int:
        """The last value of a kind of step among the first ones; 0 where there is none."""
        given = (getattr(step, field) for step in self.steps[:end])
        return next((value for value in reversed([*given]) if value is not None), 0)
