"""Which metrics count as reproduced, and what is said of those that do not."""

import math

import pytest

from millwright.core import replay
from millwright.core.execution import Original, TrackedRun

NAN, INF = math.nan, math.inf
OF = Original("arr-delay", "arr-delay-0123456789")

# original, replayed, tolerance → metrics that differ
TABLE: dict[str, tuple[dict[str, float], dict[str, float], float, list[str]]] = {
    "the same": ({"a": 0.7, "b": -3.0}, {"a": 0.7, "b": -3.0}, 0.0, []),
    "no metrics at all": ({}, {}, 1e-6, []),
    "a little off, within the tolerance": ({"a": 0.7}, {"a": 0.7 * (1 + 1e-7)}, 1e-6, []),
    "a little off, and none is allowed": ({"a": 0.7}, {"a": 0.7 * (1 + 1e-7)}, 0.0, ["a"]),
    "off by more": ({"a": 0.7, "b": 1.0}, {"a": 0.71, "b": 1.0}, 1e-6, ["a"]),
    "large numbers, relative": ({"a": 1e9}, {"a": 1e9 + 100}, 1e-6, []),
    "around zero": ({"a": 0.0}, {"a": 1e-15}, 1e-6, []),
    "around zero, and none is allowed": ({"a": 0.0}, {"a": 1e-15}, 0.0, ["a"]),
    "NaN equals NaN": ({"a": NAN}, {"a": NAN}, 1e-6, []),
    "NaN is no number": ({"a": NAN, "b": 1.0}, {"a": 1.0, "b": NAN}, 1.0, ["a", "b"]),
    "infinity equals itself": ({"a": INF}, {"a": INF}, 0.0, []),
    "infinity is no number": ({"a": INF}, {"a": 1e308}, 1e-6, ["a"]),
    "infinities of two signs": ({"a": INF}, {"a": -INF}, 1e-6, ["a"]),
    "missing on either side": ({"a": 1.0, "b": 1.0}, {"b": 1.0, "c": NAN}, 1.0, ["a", "c"]),
}


@pytest.mark.parametrize("case", TABLE)
def test_metrics_that_are_not_equal_are_differences(case: str) -> None:
    original, replayed, tolerance, names = TABLE[case]
    assert [d.metric for d in replay.differences(original, replayed, tolerance)] == names
    assert [d.metric for d in replay.differences(replayed, original, tolerance)] == names


def test_a_difference_tells_both_values_where_they_are() -> None:
    (found, missing) = replay.differences({"a": 0.7, "b": 1.0}, {"a": NAN}, 1e-6)
    assert found.manifest() == {"metric": "a", "original": "0.7", "replayed": "nan"}
    assert missing.manifest() == {"metric": "b", "original": "1.0"}


def run(**metrics: float) -> TrackedRun:
    return TrackedRun("run", "http://mlflow/run", metrics=metrics)


def test_a_replay_that_matches_says_how_many_metrics_were_compared() -> None:
    status, fact = replay.outcome(OF, run(a=1.0, b=2.0), run(a=1.0, b=2.0), 1e-6)
    assert (status.of, status.matches, status.differences) == ("arr-delay/arr-delay-0123456789", True, ())
    assert (fact.status, fact.reason) == ("True", "MetricsMatch")
    assert fact.message == "all 2 metrics are those of arr-delay/arr-delay-0123456789, within 1e-06"


def test_many_differences_are_counted_and_the_first_ones_named() -> None:
    names = [f"m{n:02d}" for n in range(30)]
    status, fact = replay.outcome(OF, run(**dict.fromkeys(names, 1.0)), run(**dict.fromkeys(names, 2.0)), 1e-6)
    assert (status.matches, len(status.differences)) == (False, 20)
    assert (fact.status, fact.reason) == ("False", "MetricsDiffer")
    assert fact.message.startswith("30 of 30 metrics are not those of")
    assert fact.message.endswith("m00 was 1.0 and is 2.0; m01 was 1.0 and is 2.0; m02 was 1.0 and is 2.0")


def test_what_mlflow_measures_of_the_machine_is_not_compared() -> None:
    machine = {"system/cpu_utilization_percentage": 3.0}
    status, _ = replay.outcome(OF, run(a=1.0, **machine), run(a=1.0), 1e-6)
    assert status.matches


@pytest.mark.parametrize(("original", "reason"), [(None, "OriginalGone"), (run(), "NothingToCompare")])
def test_where_nothing_can_be_compared_nobody_knows(original: TrackedRun | None, reason: str) -> None:
    status, fact = replay.outcome(OF, original, run(), 1e-6)
    assert (status.matches, fact.status, fact.reason) == (None, "Unknown", reason)
