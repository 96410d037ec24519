"""Whether a model answers as it is said to: in packaging after conversion, in the server before it is ready."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from millwright_serving.package import TOLERANCE

Answers = Mapping[str, Any]  # by output: arrays, or lists of what each row got


class Mismatch(Exception):
    """The model says something else; the message has the output or the difference."""


def largest_difference(said: Answers, found: Answers, tolerance: float = TOLERANCE) -> float:
    """Of all outputs in `said`; NaN is the same as NaN.

    Raises Mismatch if it is past the tolerance, or if labels or shapes differ.
    """
    return max((_of_output(name, answer, found, tolerance) for name, answer in said.items()), default=0.0)


def _of_output(name: str, said: Any, answers: Answers, tolerance: float) -> float:
    expected, found = np.asarray(said), np.asarray(answers.get(name, np.empty(0)))
    if found.ndim == expected.ndim + 1 and found.shape[-1] == 1:
        found = found[..., 0]  # ONNX writes one value per row as [rows, 1]
    is_number = found.dtype.kind == "f" and expected.dtype.kind in "fiub"
    if expected.shape != found.shape or (not is_number and not np.array_equal(expected, found)):
        raise Mismatch(f"{name} differs from the original model's")
    if not is_number:
        return 0.0
    with np.errstate(invalid="ignore"):
        same = (expected == found) | (np.isnan(expected) & np.isnan(found))
        difference = np.where(same, 0.0, np.abs(expected - found))
    return _within(tolerance, difference, np.fmax(1.0, np.abs(expected)))


def _within(tolerance: float, difference: Any, scale: Any) -> float:
    if not np.all(difference <= tolerance * scale):  # false for NaN too
        raise Mismatch(f"max difference {np.max(difference / scale):.2g} > {tolerance:g}")
    return float(np.max(difference, initial=0.0))
