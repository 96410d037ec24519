"""Verdicts of experiments, however often one looks: simulated with a planted effect and with none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.core.analysis.confidence import Counts
from millwright.core.experiments.scorecard import Plan, effect, required, verdict

EXPERIMENTS, LOOKS = 400, 200
PLAN = Plan(effect=0.05, increase=True, alpha=0.05, power=0.8)
# Share of the control, effect that must not be missed, percent that the arm gets.
SETUPS = [(0.1, 0.05, 50), (0.1, 0.05, 10), (0.02, 0.02, 20), (0.5, 0.1, 50)]


def experiments(share: float, planted: float, weight: int, samples: float, seed: int) -> np.ndarray:
    """Of each experiment at each look: hits and samples of the arm, then of the control, as Poisson traffic has it."""
    generator, found = np.random.default_rng(seed), []
    for part, its_share in ((weight, share + planted), (100 - weight, share)):
        came = generator.poisson(samples * part / weight / LOOKS, (EXPERIMENTS, LOOKS))
        found += [generator.binomial(came, its_share).cumsum(1), came.cumsum(1)]
    return np.stack(found, axis=2)


def first_verdict(plan: Plan, looks: np.ndarray) -> str:
    """Of one experiment: what it stops with, when somebody looks all the time."""
    said = (verdict(plan, Counts(a, b), Counts(c, d)) for a, b, c, d in looks.tolist())
    return next((one for one in said if one != "Undecided"), "Undecided")


def verdicts(share: float, least: float, planted: float, weight: int, times: float) -> list[str]:
    """How experiments end that get so many times the samples that were planned."""
    plan = replace(PLAN, effect=least, baseline=share)
    samples = required(plan, Counts(0, 0), (weight, 100 - weight)) * times
    return [first_verdict(plan, looks) for looks in experiments(share, planted, weight, samples, seed=7)]


@pytest.mark.parametrize(("share", "least", "weight"), SETUPS)
def test_where_there_is_no_effect_none_is_found_in_more_than_one_of_twenty(
    share: float, least: float, weight: int
) -> None:
    found = verdicts(share, least, 0.0, weight, times=4)
    assert found.count("Better") + found.count("Worse") <= 0.05 * EXPERIMENTS
    assert found.count("Same") >= 0.8 * EXPERIMENTS


@pytest.mark.parametrize(("share", "least", "weight"), SETUPS)
def test_a_planted_effect_is_found_with_the_planned_samples(share: float, least: float, weight: int) -> None:
    assert verdicts(share, least, least, weight, times=1).count("Better") >= 0.8 * EXPERIMENTS


def test_a_share_that_shall_decrease_is_found_when_it_does() -> None:
    plan = replace(PLAN, increase=False)
    less, more = Counts(100, 2000), Counts(300, 2000)
    assert (verdict(plan, less, more), verdict(plan, more, less)) == ("Better", "Worse")


# Hits and samples of arm and control → what is known, of an effect of five points.
KNOWN: dict[str, tuple[tuple[int, int], tuple[int, int], str]] = {
    "nothing": ((0, 0), (0, 0), "Undecided"),
    "nothing of the control": ((500, 1000), (0, 0), "Undecided"),
    "few of the arm": ((10, 10), (1000, 10_000), "Undecided"),
    "a large effect": ((200, 1000), (100, 1000), "Better"),
    "a large loss": ((100, 1000), (200, 1000), "Worse"),
    "no hit where the control has some": ((0, 1000), (100, 1000), "Worse"),
    "no hit anywhere": ((0, 100_000), (0, 100_000), "Undecided"),
    "the same, after many": ((2000, 20_000), (2000, 20_000), "Same"),
    "less than the least effect, surely": ((2100, 20_000), (2000, 20_000), "Same"),
    "less than the least effect, and more than none": ((2400, 20_000), (2000, 20_000), "Better"),
}


@pytest.mark.parametrize(("arm", "control", "expected"), KNOWN.values(), ids=KNOWN.keys())
def test_of(arm: tuple[int, int], control: tuple[int, int], expected: str) -> None:
    assert verdict(PLAN, Counts(*arm), Counts(*control)) == expected


def test_what_is_planned_as_the_page_says() -> None:
    plan = Plan(effect=0.02, increase=True, alpha=0.05, power=0.8, baseline=0.1)
    assert required(plan, Counts(0, 0), (50, 50)) == pytest.approx(7438, rel=0.01)
    assert required(plan, Counts(0, 0), (20, 80)) == pytest.approx(4872, rel=0.01)


def test_without_a_baseline_the_control_tells_it_and_before_that_the_worst_is_planned() -> None:
    unknown = required(PLAN, Counts(10, 99), (50, 50))
    assert unknown == required(replace(PLAN, baseline=0.5), Counts(0, 0), (50, 50))
    assert required(PLAN, Counts(100, 1000), (50, 50)) == required(replace(PLAN, baseline=0.1), Counts(0, 0), (50, 50))


def test_a_rare_share_needs_as_many_as_make_twenty_hits() -> None:
    plan = replace(PLAN, effect=0.5, baseline=0.001)
    assert required(plan, Counts(0, 0), (10, 90)) == 20_000


def test_more_arms_take_more_samples() -> None:
    assert required(replace(PLAN, alpha=0.05 / 7), Counts(0, 0), (10, 30)) > required(PLAN, Counts(0, 0), (10, 30))


counts = st.integers(0, 100_000).flatmap(lambda total: st.builds(Counts, st.integers(0, total), st.just(total)))


@given(counts, counts)
def test_what_was_seen_lies_in_the_interval_and_that_within_what_is_possible(one: Counts, other: Counts) -> None:
    found = effect(PLAN, one, other)
    assert -1 <= found.lower <= found.seen <= found.upper <= 1


@given(counts, counts)
def test_the_verdict_turns_with_the_direction(one: Counts, other: Counts) -> None:
    turned = {"Better": "Worse", "Worse": "Better"}
    said = verdict(PLAN, one, other)
    assert verdict(replace(PLAN, increase=False), one, other) == turned.get(said, said)
