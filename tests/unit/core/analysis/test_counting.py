"""What counters added, whatever pods come, leave, or are started again."""

from datetime import UTC, datetime, timedelta

import pytest

from millwright.core.analysis.counting import Series, counted, since_each, window

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = [BEGAN + timedelta(seconds=10 * n) for n in range(4)]

# A counter's values at the four moments (None: it is not there) → what it added between them.
COUNTERS: dict[str, tuple[list[float | None], list[float]]] = {
    "rises": ([5, 7, 7, 10], [2, 0, 3]),
    "comes with its pod": ([None, 4, 6, 6], [4, 2, 0]),
    "begins again at 0": ([9, 12, 2, 5], [3, 2, 3]),
    "leaves with its pod": ([9, 12, None, None], [3, 0, 0]),
    "was not scraped once": ([5, None, 9, 10], [0, 4, 1]),
}


@pytest.mark.parametrize(("values", "added"), COUNTERS.values(), ids=COUNTERS.keys())
def test_a_counter_that(values: list[float | None], added: list[float]) -> None:
    series = Series({}, {time: value for time, value in zip(TIMES, values, strict=True) if value is not None})
    assert counted([series], TIMES, lambda labels: True) == added


def test_counts_are_summed_from_each_beginning_up_to_now() -> None:
    found = since_each([1, 0, 2], [10, 20, 30])
    assert [(one.hits, one.total) for one in found] == [(3, 60), (2, 50), (2, 30)]


def test_a_window_has_the_last_moments_and_the_beginning_of_all() -> None:
    seen = window(BEGAN, BEGAN + timedelta(seconds=405), timedelta(seconds=10))
    assert len(seen.moments) == 17
    assert seen.starts[0] == BEGAN and seen.ordinal(seen.starts[-1]) == 40
    young = window(BEGAN, BEGAN + timedelta(seconds=3), timedelta(seconds=10))
    assert young.moments == (BEGAN + timedelta(seconds=3),)
    assert young.starts == (BEGAN,)
