"""Weights that follow what is known, within their bounds."""

from hypothesis import given
from hypothesis import strategies as st

from millwright.api.experiment import Bandit
from millwright.core.analysis.confidence import Counts
from millwright.core.experiments.bandit import chances, weights

BANDIT = Bandit(algorithm="thompson", min_weight=5, max_weight=80)


def test_who_is_surely_best_has_every_chance() -> None:
    assert chances([Counts(100, 1000), Counts(200, 1000)], True, "seed") == [0.0, 1.0]
    assert chances([Counts(100, 1000), Counts(200, 1000)], False, "seed") == [1.0, 0.0]


def test_of_those_of_whom_nothing_is_known_each_has_the_same() -> None:
    assert all(0.28 < chance < 0.39 for chance in chances([Counts(0, 0)] * 3, True, "seed"))


def test_the_same_seed_draws_the_same() -> None:
    shares = [Counts(10, 100), Counts(12, 100)]
    assert chances(shares, True, "uid 1") == chances(shares, True, "uid 1") != chances(shares, True, "uid 2")


def test_the_best_gets_what_the_others_do_not_need() -> None:
    assert weights(BANDIT, [0.0, 1.0]) == [5, 80]
    assert weights(BANDIT, [0.0, 0.0]) == [5, 5]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=7), st.integers(0, 1000))
def test_nobody_is_beyond_the_bounds_and_something_is_left_for_the_control(arms: list[int], control: int) -> None:
    whole = sum(arms) + control or 1
    found = weights(BANDIT, [arm / whole for arm in arms])
    assert all(5 <= weight <= 80 for weight in found)
    assert 100 - sum(found) >= 5
