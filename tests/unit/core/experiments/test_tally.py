"""What was counted since the last look, on a grid of intervals: nothing twice, whatever pods come and go."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.core.analysis.confidence import Counts
from millwright.core.analysis.counting import RECENT_INTERVALS, Series
from millwright.core.experiments.tally import SETTLED, Added, Tally, added, window

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def settled(seconds: float) -> datetime:
    """When what was told up to then is known."""
    return at(seconds) + SETTLED


# Counted up to, what is settled now → the moments that are read, in seconds.
WINDOWS: dict[str, tuple[float, float, list[int] | None]] = {
    "before the first interval is over": (0, 9, None),
    "the first interval": (0, 10, [0, 10]),
    "between two": (10, 19, None),
    "what was counted is read, too": (10, 25, [0, 10, 20]),
    "not more than the last ones": (10, 1000, [*range(1000 - 10 * RECENT_INTERVALS, 1001, 10)]),
}


@pytest.mark.parametrize(("counted_to", "now", "expected"), WINDOWS.values(), ids=WINDOWS.keys())
def test_a_window_has(counted_to: float, now: float, expected: list[int] | None) -> None:
    found = window(BEGAN, at(counted_to), settled(now), INTERVAL)
    moments = None if expected is None else tuple(at(seconds) for seconds in expected)
    assert (found.moments if found else None) == moments


def counter(values: Sequence[float | None]) -> Series:
    """At each moment of the grid; None: it was not there."""
    return Series({}, {at(10 * n): value for n, value in enumerate(values) if value is not None})


# A counter at each moment → what its intervals added, of which the first two are counted already.
COUNTERS: dict[str, tuple[list[float | None], list[float]]] = {
    "one that rises": ([5, 7, 9, 12, 12], [3, 0]),
    "a pod that comes": ([None, None, None, 4, 9], [4, 5]),
    "a pod that leaves": ([5, 7, 9, None, None], [0, 0]),
    "a pod that is started again": ([5, 7, 9, 2, 3], [2, 1]),
    "one that was not scraped at the last look": ([5, 7, None, 12, 12], [5, 0]),
}


@pytest.mark.parametrize(("values", "expected"), COUNTERS.values(), ids=COUNTERS.keys())
def test_of(values: list[float | None], expected: list[float]) -> None:
    seen = window(BEGAN, at(20), settled(40), INTERVAL)
    assert seen is not None
    found = added([], [counter(values)], seen, at(20))
    assert [one.counts.total for one in found] == expected


def test_hits_are_never_more_than_there_were() -> None:
    seen = window(BEGAN, BEGAN, settled(10), INTERVAL)
    assert seen is not None
    (only,) = added([counter([0, 9])], [counter([0, 8])], seen, BEGAN)
    assert only == Added(BEGAN, Counts(8, 8))


def test_an_arm_has_only_what_came_after_its_first_request() -> None:
    tally = Tally(at(30), {"set": [Added(at(10 * n), Counts(1, 10)) for n in range(3)]})
    assert tally.since("set", at(5)) == Counts(2, 20)
    assert tally.since("another", BEGAN) == Counts(0, 0)


@given(st.lists(st.tuples(st.integers(1, 80), st.integers(0, SETTLED.seconds)), min_size=1, max_size=30))
def test_all_looks_together_count_everything_once_however_late_it_is_known(looks: list[tuple[int, int]]) -> None:
    """As long as none comes later than the window reaches back, and nothing is known later than it is settled."""
    now, counted_to, sum_of_all = 0, BEGAN, 0.0
    for pause, lateness in looks:
        now += pause
        seen = window(BEGAN, counted_to, settled(now), INTERVAL)
        if seen is not None:
            known = now + SETTLED.seconds - lateness  # later moments have the last value that is known
            grid = counter([3.0 * min(10 * n, known) for n in range(now // 10 + 1)])
            sum_of_all += sum(one.counts.total for one in added([], [grid], seen, counted_to))
            counted_to = seen.moments[-1]
    assert sum_of_all == 3 * 10 * (now // 10)
