"""A Prometheus that knows what it is told."""

from collections.abc import Callable, Sequence
from datetime import datetime

from millwright.core.analysis.counting import Series, Window
from millwright.ports import DependencyError, RejectedError

# A counter's value at a moment; None: it is not there.
Counter = Callable[[datetime], float | None]


class FakeMeasurements:
    """Implements ports.Measurements. `counters`: those that a selector names, with their labels."""

    def __init__(self) -> None:
        self.counters: dict[str, list[tuple[dict[str, str], Counter]]] = {}
        self.queries: dict[str, float | None] = {}
        self.is_down = False

    async def series(self, selectors: Sequence[str], window: Window) -> Sequence[Sequence[Series]]:
        self._check()
        times = (window.began, *window.moments)
        return [
            [Series(labels, _values(counter, times)) for labels, counter in self.counters.get(selector, [])]
            for selector in selectors
        ]

    async def numbers(self, query: str, window: Window) -> Sequence[float | None]:
        self._check()
        if query not in self.queries:
            raise RejectedError("Prometheus refuses the query: parse error")
        return [self.queries[query]] * len(window.moments)

    def _check(self) -> None:
        if self.is_down:
            raise DependencyError("prometheus", "connection refused")


def _values(counter: Counter, times: Sequence[datetime]) -> dict[datetime, float]:
    found = {time: counter(time) for time in times}
    return {time: value for time, value in found.items() if value is not None}
