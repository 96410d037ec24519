"""Prometheus by its HTTP API v1: https://prometheus.io/docs/prometheus/latest/querying/api/"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from millwright.core.analysis.counting import Series, Window
from millwright.ports import DependencyError, RejectedError

TIMEOUT_SECONDS = 10.0
NAME = "prometheus"
PLACE = "millwright_place"  # a label: which of several selectors it is that names a series
NOT_SET = "the platform names none: set prometheus.url in its values, or take out spec.analysis"


class PrometheusMeasurements:
    """Implements ports.Measurements."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/v1/", timeout=TIMEOUT_SECONDS, transport=transport
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def series(self, selectors: Sequence[str], window: Window) -> Sequence[Sequence[Series]]:
        try:
            first, recent = await self._counters(_all_of(selectors), window)
        except RejectedError:
            for selector in selectors:  # the refusal is of one of them, and is to say so of what people wrote
                await self._counters(selector, window)
            raise
        values: dict[frozenset[tuple[str, str]], dict[datetime, float]] = {}
        for one in first:
            values.setdefault(_identity(one), {})[window.began] = float(one["value"][1])
        for one in recent:
            values.setdefault(_identity(one), {}).update(_values(one))
        found: list[list[Series]] = [[] for _ in selectors]
        for identity, at_moments in values.items():
            labels = dict(identity)
            found[int(labels.pop(PLACE))].append(Series(labels, at_moments))
        return found

    async def _counters(self, query: str, window: Window) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """At the window's beginning, and at its moments."""
        return await asyncio.gather(
            self._result("query", {"query": query, "time": _seconds(window.began)}),
            self._result("query_range", _range(query, window)),
        )

    async def numbers(self, query: str, window: Window) -> Sequence[float | None]:
        result = await self._result("query_range", _range(query, window))
        if len(result) > 1:
            raise RejectedError(f"the query gives {len(result)} series, and must give one: aggregate it, as with sum()")
        found = _values(result[0]) if result else {}
        return [found.get(moment) for moment in window.moments]

    async def _result(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        try:
            answer = await self._http.post(path, data=query)
        except httpx.HTTPError as error:
            raise DependencyError(NAME, str(error) or type(error).__name__) from error
        if answer.status_code in (400, 422):
            raise RejectedError(f"Prometheus refuses the query: {_why(answer)}")
        if answer.status_code != httpx.codes.OK:
            raise DependencyError(NAME, f"it answers {answer.status_code}: {answer.text[:200]}")
        try:
            result: list[dict[str, Any]] = answer.json()["data"]["result"]
        except (ValueError, KeyError) as error:
            raise DependencyError(NAME, f"this is no answer of Prometheus: {answer.text[:200]}") from error
        return result


class NoMeasurements:
    """Implements ports.Measurements where the platform has no Prometheus."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def series(self, selectors: Sequence[str], window: Window) -> Sequence[Sequence[Series]]:
        raise DependencyError(NAME, NOT_SET)

    async def numbers(self, query: str, window: Window) -> Sequence[float | None]:
        raise DependencyError(NAME, NOT_SET)


def _all_of(selectors: Sequence[str]) -> str:
    """One query, as Prometheus lets one query see all of a scrape or nothing. Each selector has lines of its own."""
    parts = (f'label_replace(\n{selector}\n, "{PLACE}", "{place}", "", "")' for place, selector in enumerate(selectors))
    return " or ".join(parts)


def _range(query: str, window: Window) -> dict[str, str]:
    start, end = window.moments[0], window.moments[-1]
    step = f"{window.interval.total_seconds():.0f}"
    return {"query": query, "start": _seconds(start), "end": _seconds(end), "step": step}


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def _identity(one: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(one["metric"].items())


def _values(one: dict[str, Any]) -> dict[datetime, float]:
    return {datetime.fromtimestamp(time, UTC): float(text) for time, text in one["values"]}


def _why(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError):
        return answer.text[:200]
