"""Prometheus' HTTP API: what is asked, and what its answers mean."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from millwright.adapters.prometheus import PLACE, NoMeasurements, PrometheusMeasurements
from millwright.core.analysis.counting import window
from millwright.ports import DependencyError, RejectedError

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = window(BEGAN, BEGAN + timedelta(seconds=25), timedelta(seconds=10))
FIRST, *_, LAST = WINDOW.moments
LABELS = {"code": "200", "pod": "a"}


def answering(*answers: tuple[int, Any]) -> tuple[PrometheusMeasurements, list[dict[str, str]]]:
    """A Prometheus that gives these answers by turns, and what it was asked."""
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append({name: values[0] for name, values in parse_qs(request.content.decode()).items()})
        status, body = left.pop(0)
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    return PrometheusMeasurements("http://prometheus", httpx.MockTransport(answer)), asked


def found(*result: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"status": "success", "data": {"result": list(result)}}


def at(*values: tuple[datetime, str]) -> list[list[Any]]:
    return [[moment.timestamp(), text] for moment, text in values]


async def test_a_counter_is_read_at_the_beginning_and_at_the_last_moments() -> None:
    of_the_first = LABELS | {PLACE: "0"}
    vector = {"metric": of_the_first, "value": at((BEGAN, "3"))[0]}
    matrix = {"metric": of_the_first, "values": at((FIRST, "5"), (LAST, "9"))}
    prometheus, asked = answering(found(vector), found(matrix))
    (series,), none = await prometheus.series(["requests", "answers"], WINDOW)
    assert series.labels == LABELS
    assert series.values == {BEGAN: 3.0, FIRST: 5.0, LAST: 9.0}
    assert none == []
    assert asked[0]["time"] == f"{BEGAN.timestamp():.3f}"
    assert all(word in asked[0]["query"] for word in ("\nrequests\n", " or ", "\nanswers\n"))
    assert asked[1]["query"] == asked[0]["query"]
    assert asked[1]["step"] == "10"
    await prometheus.close()


async def test_a_query_gives_a_number_at_each_moment_that_it_has_one() -> None:
    prometheus, _ = answering(found({"metric": {}, "values": at((LAST, "NaN"))}))
    numbers = await prometheus.numbers("x", WINDOW)
    assert numbers[:-1] == [None] * (len(WINDOW.moments) - 1)
    assert numbers[-1] != numbers[-1]


async def test_a_query_without_a_result_gives_nothing() -> None:
    prometheus, _ = answering(found())
    assert await prometheus.numbers("x", WINDOW) == [None] * len(WINDOW.moments)


# Prometheus' answer → what is raised, and words of it.
REFUSALS: dict[str, tuple[tuple[int, Any], type[Exception], str]] = {
    "a query that is wrong": ((400, {"error": "parse error at char 4"}), RejectedError, "parse error at char 4"),
    "a query that takes too long": ((422, {"error": "too many samples"}), RejectedError, "too many samples"),
    "several series": (
        found({"metric": {"a": "1"}, "values": []}, {"metric": {"a": "2"}, "values": []}),
        RejectedError,
        "sum()",
    ),
    "a server that fails": ((503, "starting"), DependencyError, "answers 503: starting"),
    "a proxy's page": ((200, "<html>"), DependencyError, "no answer of Prometheus"),
}


@pytest.mark.parametrize(("answer", "error", "words"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_refused(answer: tuple[int, Any], error: type[Exception], words: str) -> None:
    prometheus, _ = answering(answer)
    with pytest.raises(error, match=re.escape(words)):
        await prometheus.numbers("x", WINDOW)


async def test_of_several_selectors_the_wrong_one_is_refused_by_its_own_words() -> None:
    refused = (400, {"error": "3:9: parse error"}), (400, {"error": "3:9: parse error"})
    own = (400, {"error": "1:5: parse error"}), (400, {"error": "1:5: parse error"})
    prometheus, asked = answering(*refused, found(), found(), *own)
    with pytest.raises(RejectedError, match="1:5: parse error"):
        await prometheus.series(["requests", "sum("], WINDOW)
    assert [query["query"] for query in asked[2:]] == ["requests", "requests", "sum(", "sum("]


async def test_a_platform_without_prometheus_says_what_to_set() -> None:
    with pytest.raises(DependencyError, match=re.escape("prometheus.url")):
        await NoMeasurements().series(["x"], WINDOW)
