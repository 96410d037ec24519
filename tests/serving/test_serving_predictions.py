from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.serving import packages

from millwright_serving.package import Signature, Tensor
from millwright_serving.predictions import MOST_ROWS, PredictionCounts, value_bounds, watch

NAME = "millwright_serving_predictions"
LABEL = Tensor("label", "INT64", (-1,))
NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50)


def counts_of(*outputs: Tensor, said: dict[str, Any] | None = None) -> PredictionCounts:
    watched = watch(Signature(packages.BY_MATRIX.inputs, outputs), said or {})
    assert watched is not None
    return watched


def sample_of(counts: PredictionCounts, suffix: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(counts)
    return registry.get_sample_value(f"{NAME}_{suffix}", labels)


def test_of_two_classes_the_probability_of_the_last_one_is_counted() -> None:
    counts = counts_of(Tensor("probabilities", "FP32", (-1, 2)), LABEL)

    counts.add({"probabilities": np.array([[0.75, 0.25], [0.05, 0.95]], dtype=np.float32)})
    counts.add({"probabilities": np.array([[0.5, 0.5]], dtype=np.float32)})

    found = [sample_of(counts, "bucket", **{"class": "1", "le": le}) for le in ("0.2", "0.25", "0.5", "0.9", "1.0")]
    assert found == [0, 1, 2, 2, 3]
    assert sample_of(counts, "sum", **{"class": "1"}) == pytest.approx(1.7)
    assert sample_of(counts, "count", **{"class": "0"}) is None


def test_of_many_classes_the_first_ten_are_counted() -> None:
    counts = counts_of(Tensor("probabilities", "FP64", (-1, 12)), LABEL)

    counts.add({"probabilities": np.eye(12)})

    assert sample_of(counts, "sum", **{"class": "9"}) == 1
    assert sample_of(counts, "count", **{"class": "9"}) == 12
    assert sample_of(counts, "count", **{"class": "10"}) is None


def test_a_value_has_its_buckets_from_the_sample() -> None:
    counts = counts_of(Tensor("prediction", "FP64", (-1,)), said={"prediction": [0.0, 10.0]})

    counts.add({"prediction": np.array([-5.0, 0.5, 0.6, 99.0])})

    assert [sample_of(counts, "bucket", le=le) for le in ("0.0", "0.5", "1.0", "+Inf")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("output", "said"),
    {
        "values without a sample": (Tensor("prediction", "FP64", (-1,)), {}),
        "nothing but NaN": (Tensor("prediction", "FP64", (-1,)), {"prediction": [np.nan]}),
        "words": (Tensor("label", "BYTES", (-1,)), {"label": ["a", "b"]}),
        "several values for a row": (Tensor("prediction", "FP64", (-1, 2)), {"prediction": [[1.0, 2.0]]}),
    }.values(),
)
def test_what_has_no_buckets_is_not_counted(output: Tensor, said: dict[str, Any]) -> None:
    assert watch(Signature(packages.BY_MATRIX.inputs, (output,)), said) is None


def test_a_value_that_is_no_number_is_left_out() -> None:
    counts = counts_of(Tensor("prediction", "FP64", (-1,)), said={"prediction": [0.0, 10.0]})

    counts.add({"prediction": np.array([np.nan, np.inf, 1.0])})

    assert (sample_of(counts, "count"), sample_of(counts, "sum")) == (1, 1.0)


def test_of_a_large_batch_the_first_rows_are_counted() -> None:
    counts = counts_of(Tensor("probabilities", "FP64", (-1, 2)), LABEL)

    for _ in range(3):
        counts.add({"probabilities": np.full((MOST_ROWS + 5, 2), 0.5)})

    assert sample_of(counts, "count", **{"class": "1"}) == 3 * MOST_ROWS


@given(NUMBERS, NUMBERS)
def test_two_versions_have_the_wider_ones_bounds_in_common(one: list[float], other: list[float]) -> None:
    wide, narrow = sorted((value_bounds(np.array(v)) for v in (one, other)), key=step_of, reverse=True)

    assert 2 <= len(wide) <= 23
    assert sorted(set(wide)) == list(wide)
    assert all(bound in narrow for bound in wide if narrow[0] <= bound <= narrow[-1])


@given(NUMBERS)
def test_bounds_enclose_the_middle_of_the_values(values: list[float]) -> None:
    bounds = value_bounds(np.array(values))

    nearly = 1e-9 * step_of(bounds)
    low, high = np.quantile(np.clip(values, -1e300, 1e300), (0.01, 0.99))
    assert bounds[0] <= low + nearly and high <= bounds[-1] + nearly


def step_of(bounds: tuple[float, ...]) -> float:
    return bounds[1] - bounds[0]
