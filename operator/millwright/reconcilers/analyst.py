"""Reads what an analysis needs of Prometheus, and has it judged."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from millwright.api.analysis import Analysis
from millwright.api.deployment import DeploymentSpec, DeploymentStatus
from millwright.core.analysis import judging, queries
from millwright.core.analysis.counting import Series, Window, window
from millwright.core.analysis.judging import Readings
from millwright.core.analysis.queries import Versions
from millwright.core.analysis.verdict import Verdict
from millwright.core.execution import ObjectKey
from millwright.core.strategies.walk import Hold
from millwright.ports import Clock, DependencyError, Measurements, RejectedError
from millwright.reconcilers.together import together

Read = TypeVar("Read")


async def or_hold(reading: Awaitable[Read], what_waits: str, field: str) -> Read | Hold:
    """What was read, or why it could not be: `what_waits` for Prometheus, or `field` has a wrong query."""
    try:
        return await reading
    except DependencyError as error:
        return Hold("PrometheusUnavailable", f"{error}; {what_waits} when it answers")
    except RejectedError as error:
        return Hold("InvalidQuery", f"{error}; correct {field}")


class Analyst:
    """One look at the metrics of a Deployment's candidate."""

    def __init__(self, measurements: Measurements, clock: Clock) -> None:
        self._measurements = measurements
        self._clock = clock

    async def judge(self, key: ObjectKey, spec: DeploymentSpec, status: DeploymentStatus) -> Verdict | Hold | None:
        """None: there is nothing to judge. Hold: why it cannot be judged, which is no reason to go on.

        Who cannot be judged gets no first request either, so it is tried before there is anything to judge.
        """
        analysis, candidate, stable = spec.analysis, status.candidate, status.stable
        if analysis is None or candidate is None or stable is None:
            return None
        versions = Versions(key.namespace, key.name, candidate.version_set, stable.version_set)
        verdict = self.verdict(analysis, versions, candidate.exposed_since or candidate.since)
        found = await or_hold(verdict, "the roll-out goes on", "spec.analysis.metrics")
        return found if candidate.exposed_since is not None or isinstance(found, Hold) else None

    async def verdict(self, analysis: Analysis, versions: Versions, exposed_since: datetime) -> Verdict:
        """On what got requests since then. Raises DependencyError, and RejectedError for a wrong query."""
        seen = window(exposed_since, self._clock.now(), timedelta(seconds=analysis.interval_seconds))
        return judging.judge(analysis, await self._read(analysis, versions, seen))

    async def _read(self, analysis: Analysis, versions: Versions, seen: Window) -> Readings:
        ours, theirs, numbers = await together(
            self._counters(analysis, versions.namespace, versions.candidate, seen),
            self._counters(analysis, versions.namespace, versions.stable, seen),
            self._numbers(analysis, versions, seen),
        )
        return Readings(seen, ours, theirs, numbers)

    async def _counters(
        self, analysis: Analysis, namespace: str, version_set: str, seen: Window
    ) -> dict[str, tuple[Series, ...]]:
        names = sorted(queries.counters(analysis))
        if not names:
            return {}
        selectors = [queries.selector(name, namespace, version_set) for name in names]
        found = await self._measurements.series(selectors, seen)
        return {name: tuple(series) for name, series in zip(names, found, strict=True)}

    async def _numbers(
        self, analysis: Analysis, versions: Versions, seen: Window
    ) -> dict[str, tuple[float | None, ...]]:
        asked = {m.name: queries.filled(m.query, versions, seen.interval) for m in analysis.metrics if m.query}
        found = await together(*(self._measurements.numbers(query, seen) for query in asked.values()))
        return {name: tuple(values) for name, values in zip(asked, found, strict=True)}
