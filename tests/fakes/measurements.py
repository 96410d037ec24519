"""A Prometheus that knows what it is told."""

from collections.abc import Sequence
from datetime import datetime

from millwright.core.analysis.counting import Series, Window
from millwright.ports import DependencyError, RejectedError


class FakeMeasurements:
    """Implements ports.Measurements. `samples`: each counter's values by moment, looked up as Prometheus does."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[dict[str, str], dict[datetime, float]]]] = {}
        self.queries: dict[str, float | None] = {}
        self.is_down = False

    async def series(self, selector: str, window: Window) -> Sequence[Series]:
        self._check()
        times = (window.began, *window.moments)
        return [Series(labels, _at(values, times)) for labels, values in self.samples.get(selector, [])]

    async def numbers(self, query: str, window: Window) -> Sequence[float | None]:
        self._check()
        if query not in self.queries:
            raise RejectedError("Prometheus refuses the query: parse error")
        return [self.queries[query]] * len(window.moments)

    def _check(self) -> None:
        if self.is_down:
            raise DependencyError("prometheus", "connection refused")


def _at(values: dict[datetime, float], times: Sequence[datetime]) -> dict[datetime, float]:
    """The last value before each moment."""
    found = {time: max((t for t in values if t <= time), default=None) for time in times}
    return {time: values[last] for time, last in found.items() if last is not None}
