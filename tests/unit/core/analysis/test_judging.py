"""From counters to verdicts, by table: what fails, what passes, and what is not known."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millwright.api.analysis import Analysis
from millwright.core.analysis import counting
from millwright.core.analysis.counting import Series
from millwright.core.analysis.drift import PREDICTIONS
from millwright.core.analysis.judging import Readings, judge
from millwright.core.analysis.metrics import COMPARED, REQUESTS, SECONDS

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)
LOOKS = 6
NOW = BEGAN + LOOKS * INTERVAL
WINDOW = counting.window(BEGAN, NOW, INTERVAL)
Rates = Mapping[tuple[tuple[str, str], ...], float]


def rising(counter: str, rates: Rates, since: int = 0) -> dict[str, Sequence[Series]]:
    """Counters that rise so much in each interval, from the interval `since` on."""

    def values(rate: float) -> dict[datetime, float]:
        return {BEGAN + look * INTERVAL: rate * max(0, look - since) for look in range(LOOKS + 1)}

    return {counter: [Series(dict(labels), values(rate)) for labels, rate in rates.items()]}


def code(number: str) -> tuple[tuple[str, str], ...]:
    return (("code", number),)


def faster(seconds: str) -> tuple[tuple[str, str], ...]:
    return (("le", seconds),)


def result(name: str) -> tuple[tuple[str, str], ...]:
    return (("result", name),)


GOOD = rising(REQUESTS, {code("200"): 200})
ERRORS: dict[str, Any] = {"name": "error-rate", "max": 0.01}
RELATIVE: dict[str, Any] = {"name": "error-rate", "maxIncrease": 0.02}
LATENCY: dict[str, Any] = {"name": "latency-p99-ms", "max": 50}
AGREEMENT: dict[str, Any] = {"name": "agreement", "min": 0.9}

# Metric, what the candidate's servers counted, what stable's did → what is known.
VERDICTS: dict[str, tuple[dict[str, Any], Mapping[str, Sequence[Series]], Mapping[str, Sequence[Series]], str]] = {
    "no error in 1,200 requests": (ERRORS, GOOD, {}, "Passed"),
    "no error in 60 requests": (ERRORS, rising(REQUESTS, {code("200"): 10}), {}, "Undecided"),
    "one error in 60 requests": (ERRORS, rising(REQUESTS, {code("200"): 59 / 6, code("500"): 1 / 6}), {}, "Undecided"),
    "every tenth request fails": (ERRORS, rising(REQUESTS, {code("200"): 90, code("503"): 10}), {}, "Failed"),
    "all of ten requests fail": (ERRORS, rising(REQUESTS, {code("500"): 2}), {}, "Failed"),
    "refused requests are the clients' errors": (
        ERRORS,
        rising(REQUESTS, {code("200"): 150, code("400"): 50}),
        {},
        "Passed",
    ),
    "no request": (ERRORS, {}, GOOD, "Undecided"),
    "as many errors as stable": (
        RELATIVE,
        rising(REQUESTS, {code("200"): 4950, code("500"): 50}),
        rising(REQUESTS, {code("200"): 4950, code("500"): 50}),
        "Passed",
    ),
    "ten times the errors of stable": (
        RELATIVE,
        rising(REQUESTS, {code("200"): 900, code("500"): 100}),
        rising(REQUESTS, {code("200"): 990, code("500"): 10}),
        "Failed",
    ),
    "errors, and nothing to compare with": (
        RELATIVE,
        rising(REQUESTS, {code("200"): 900, code("500"): 100}),
        {},
        "Undecided",
    ),
    "no error at all, whatever stable's are": (RELATIVE, rising(REQUESTS, {code("200"): 900}), {}, "Passed"),
    "all fast": (LATENCY, rising(SECONDS, {faster("0.05"): 200, faster("+Inf"): 200}), {}, "Passed"),
    "one in ten slow": (LATENCY, rising(SECONDS, {faster("0.05"): 90, faster("+Inf"): 100}), {}, "Failed"),
    "other buckets do not count": (
        LATENCY,
        rising(SECONDS, {faster("0.01"): 10, faster("0.05"): 200, faster("+Inf"): 200}),
        {},
        "Passed",
    ),
    "answers as stable does": (AGREEMENT, rising(COMPARED, {result("agree"): 99, result("disagree"): 1}), {}, "Passed"),
    "answers otherwise": (AGREEMENT, rising(COMPARED, {result("agree"): 50, result("disagree"): 50}), {}, "Failed"),
    "comparisons that failed say nothing": (AGREEMENT, rising(COMPARED, {result("failed"): 50}), {}, "Undecided"),
}


@pytest.mark.parametrize(("metric", "ours", "theirs", "state"), VERDICTS.values(), ids=VERDICTS.keys())
def test_what_is_known_of(
    metric: dict[str, Any], ours: Mapping[str, Sequence[Series]], theirs: Mapping[str, Sequence[Series]], state: str
) -> None:
    analysis = Analysis.model_validate({"metrics": [metric]})
    (finding,) = judge(analysis, Readings(WINDOW, ours, theirs)).findings
    assert finding.state == state, finding.message


def test_what_turns_bad_late_is_found_although_most_requests_were_good() -> None:
    late = {
        REQUESTS: [
            Series({"code": "200"}, {BEGAN + look * INTERVAL: min(look, 5) * 10_000.0 for look in range(LOOKS + 1)}),
            Series({"code": "500"}, {NOW: 50.0}),
        ]
    }
    verdict = judge(Analysis.model_validate({"metrics": [ERRORS]}), Readings(WINDOW, late, {}))
    assert verdict.failed
    assert verdict.message.startswith("error-rate: 50 of 50 requests failed (100.00%, allowed 1.00%)")


def test_the_numbers_are_said_and_how_many_more_requests_are_needed() -> None:
    few = rising(REQUESTS, {code("200"): 10})
    verdict = judge(Analysis.model_validate({"metrics": [ERRORS]}), Readings(WINDOW, few, {}))
    assert "0 of 60 requests failed (0.00%, allowed 1.00%)" in verdict.message
    assert "more are needed" in verdict.message


def histogram(counts: Sequence[float]) -> dict[str, Sequence[Series]]:
    """A distribution of predictions over buckets of equal width."""
    bounds = [f"{(index + 1) / len(counts):g}" for index in range(len(counts))]
    rates: dict[tuple[tuple[str, str], ...], float] = {
        (("class", "yes"), ("le", bound)): sum(counts[: n + 1]) for n, bound in enumerate(bounds)
    }
    return rising(PREDICTIONS, rates)


DRIFT = {"name": "prediction-drift", "max": 0.2}
DRIFTS: dict[str, tuple[Sequence[float], Sequence[float], str]] = {
    "the same distribution": ([100, 100, 100, 100], [100, 100, 100, 100], "Passed"),
    "another distribution": ([10, 40, 150, 200], [200, 150, 40, 10], "Failed"),
    "finer buckets of the same distribution": ([50] * 8, [100, 100, 100, 100], "Passed"),
    "no buckets in common": ([100] * 5, [100, 100, 100, 100], "Undecided"),
    "few predictions": ([1, 1, 1, 1], [100, 100, 100, 100], "Undecided"),
}


@pytest.mark.parametrize(("ours", "theirs", "state"), DRIFTS.values(), ids=DRIFTS.keys())
def test_drift_of(ours: Sequence[float], theirs: Sequence[float], state: str) -> None:
    analysis = Analysis.model_validate({"metrics": [DRIFT]})
    (finding,) = judge(analysis, Readings(WINDOW, histogram(ours), histogram(theirs))).findings
    assert finding.state == state, finding.message


QUERY = {"name": "gpu-memory", "query": "max(x)", "max": 10}
# Values at the last moments; two may be bad → what is known.
NUMBERS: dict[str, tuple[Sequence[float | None], str]] = {
    "within": ([1, 2, 3], "Passed"),
    "beyond for longer than it may": ([11, 12, 13], "Failed"),
    "beyond for a short time": ([1, 12, 13], "Undecided"),
    "was beyond": ([12, 13, 1], "Undecided"),
    "no value": ([], "Undecided"),
    "no value now": ([1, 2, None], "Undecided"),
    "not a number": ([float("nan")] * 3, "Failed"),
}


@pytest.mark.parametrize(("values", "state"), NUMBERS.values(), ids=NUMBERS.keys())
def test_a_query_is(values: Sequence[float | None], state: str) -> None:
    analysis = Analysis.model_validate({"metrics": [QUERY]})
    (finding,) = judge(analysis, Readings(WINDOW, numbers={"gpu-memory": values})).findings
    assert finding.state == state, finding.message


def test_one_that_fails_is_enough_and_all_must_pass() -> None:
    both = Analysis.model_validate({"metrics": [ERRORS, QUERY]})
    assert judge(both, Readings(WINDOW, GOOD, {}, {"gpu-memory": [11, 11, 11]})).failed
    assert not judge(both, Readings(WINDOW, GOOD)).passed
    assert judge(both, Readings(WINDOW, GOOD, {}, {"gpu-memory": [1, 1, 1]})).passed
