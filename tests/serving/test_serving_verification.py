from typing import Any

import numpy as np
import pytest

from millwright_serving.verification import Mismatch, largest_difference

SAME: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "labels": ({"label": [1, 0]}, {"label": np.array([1, 0])}, 0.0),
    "words": ({"label": ["a"]}, {"label": np.array(["a"], dtype=object)}, 0.0),
    "probabilities": ({"p": [[0.5, 0.5]]}, {"p": np.array([[0.5, 0.500004]])}, 4e-6),
    "large values, by their size": ({"y": [1e6]}, {"y": np.array([1e6 + 5])}, 5.0),
    "one value for a row as a column": ({"y": [1.0, 2.0]}, {"y": np.array([[1.0], [2.0]])}, 0.0),
    "no number, or one without end, on both sides": (
        {"y": [np.nan, np.inf, 1.0]},
        {"y": np.array([np.nan, np.inf, 1.0])},
        0.0,
    ),
    "an output that nothing is said of": ({"label": [1]}, {"label": np.array([1]), "p": np.array([0.5])}, 0.0),
    "nothing said": ({}, {"p": np.array([0.5])}, 0.0),
}


@pytest.mark.parametrize(("said", "found", "difference"), SAME.values(), ids=SAME.keys())
def test_the_same_within_the_tolerance(said: dict[str, Any], found: dict[str, Any], difference: float) -> None:
    assert largest_difference(said, found, 1e-5) == pytest.approx(difference, rel=1e-3)


DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another label": ({"label": [1]}, {"label": np.array([0])}),
    "a number past the tolerance": ({"y": [1.0]}, {"y": np.array([1.0001])}),
    "no number": ({"y": [1.0]}, {"y": np.array([np.nan])}),
    "an infinite number": ({"y": [1.0]}, {"y": np.array([np.inf])}),
    "words for numbers": ({"y": ["1.0"]}, {"y": np.array([1.0])}),
    "fewer rows": ({"y": [1.0, 2.0]}, {"y": np.array([1.0])}),
    "a missing output": ({"p": [0.5]}, {"label": np.array([1])}),
}


@pytest.mark.parametrize(("said", "found"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_differs_is_told(said: dict[str, Any], found: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match=r"differs|max difference"):
        largest_difference(said, found, 1e-5)
