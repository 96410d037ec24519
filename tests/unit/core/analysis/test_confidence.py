"""The sequential test keeps its promise however often one looks: simulated with planted rates."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.core.analysis.confidence import Counts, is_above, is_below, lower, needed, upper

EXPERIMENTS, BATCHES, BATCH = 400, 60, 25
ALPHA = 0.05


def batches(share: float, seed: int) -> list[Counts]:
    """Counts after each batch of requests, of which `share` are hits."""
    generator, found, hits = random.Random(seed), [], 0
    for batch in range(1, BATCHES + 1):
        hits += sum(generator.random() < share for _ in range(BATCH))
        found.append(Counts(hits, batch * BATCH))
    return found


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_looking_after_every_batch_blames_a_share_that_is_as_it_may_be_in_one_of_twenty_at_most(share: float) -> None:
    blamed = sum(any(is_above(seen, share, ALPHA) for seen in batches(share, seed)) for seed in range(EXPERIMENTS))
    assert blamed <= ALPHA * EXPERIMENTS


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_and_clears_it_no_more_often(share: float) -> None:
    cleared = sum(any(is_below(seen, share, ALPHA) for seen in batches(share, seed)) for seed in range(EXPERIMENTS))
    assert cleared <= ALPHA * EXPERIMENTS


def test_a_share_of_five_times_the_bound_is_found_nearly_always() -> None:
    found = sum(any(is_above(seen, 0.01, ALPHA) for seen in batches(0.05, seed)) for seed in range(EXPERIMENTS))
    assert found >= 0.99 * EXPERIMENTS


@pytest.mark.parametrize(("hits", "total", "blamed"), [(1, 20, False), (2, 20, False), (3, 20, True), (10, 10, True)])
def test_of_a_bound_of_one_percent(hits: int, total: int, blamed: bool) -> None:
    assert is_above(Counts(hits, total), 0.01, ALPHA) is blamed


counts = st.integers(0, 5000).flatmap(lambda total: st.builds(Counts, st.integers(0, total), st.just(total)))


@given(counts, st.floats(0.001, 0.2))
def test_the_share_that_was_seen_lies_between_its_ends(seen: Counts, alpha: float) -> None:
    assert 0 <= lower(seen, alpha) <= seen.share <= upper(seen, alpha) + 1e-12 or seen.total == 0
    assert upper(seen, alpha) <= 1


@given(counts, st.floats(0.001, 0.999))
def test_the_ends_say_the_same_as_the_tests(seen: Counts, share: float) -> None:
    if is_above(seen, share, ALPHA):
        assert lower(seen, ALPHA) >= share - 1e-9
    if is_below(seen, share, ALPHA):
        assert upper(seen, ALPHA) <= share + 1e-9


def test_how_many_more_are_needed_is_enough_and_not_much_too_many() -> None:
    total = needed(Counts(0, 0), 0.01, ALPHA)
    assert is_below(Counts(0, total), 0.01, ALPHA)
    assert not is_below(Counts(0, total * 0.9), 0.01, ALPHA)
    assert needed(Counts(2, 100), 0.01, ALPHA) == float("inf")
