"""Replays: whether an execution that was run again has the metrics of the original."""

import math
from collections.abc import Mapping

from millwright.api.training_results import MAX_DIFFERENCES, MetricDifference, ReplayStatus
from millwright.core.conditions import Fact
from millwright.core.execution import Original, TrackedRun

# Around zero nothing is near relative to anything.
AROUND_ZERO = 1e-12
# MLflow's own measurements of the machine (mlflow.enable_system_metrics_logging).
OF_THE_MACHINE = "system/"
NAMED_IN_MESSAGE = 3


def outcome(
    of: Original | None, original: TrackedRun | None, replayed: TrackedRun, tolerance: float
) -> tuple[ReplayStatus, Fact]:
    """What status says of a replay that ran to its end, and the condition Reproduced."""
    name = str(of) if of else "unknown"
    if original is None:
        message = f"the MLflow run of {name} is gone, so that nothing can be compared"
        return ReplayStatus(of=name), Fact("Reproduced", "Unknown", "OriginalGone", message)
    before, now = _metrics(original), _metrics(replayed)
    compared = len(before.keys() | now.keys())
    if not compared:
        message = f"neither {name} nor its replay logged a metric, so that nothing can be compared"
        return ReplayStatus(of=name), Fact("Reproduced", "Unknown", "NothingToCompare", message)
    found = differences(before, now, tolerance)
    fact = _differ(name, found, compared) if found else _match(name, compared, tolerance)
    return ReplayStatus(of=name, matches=not found, differences=found[:MAX_DIFFERENCES]), fact


def differences(
    original: Mapping[str, float], replayed: Mapping[str, float], tolerance: float
) -> tuple[MetricDifference, ...]:
    """Metrics that are not equal within a relative tolerance, by name. NaN equals NaN; a missing metric equals none."""
    names = sorted(original.keys() | replayed.keys())
    pairs = ((name, original.get(name), replayed.get(name)) for name in names)
    return tuple(
        MetricDifference(metric=name[:253], original=_text(before), replayed=_text(now))
        for name, before, now in pairs
        if not _equal(before, now, tolerance)
    )


def _equal(before: float | None, now: float | None, tolerance: float) -> bool:
    if before is None or now is None:
        return False
    if math.isnan(before) or math.isnan(now):
        return math.isnan(before) and math.isnan(now)
    return math.isclose(before, now, rel_tol=tolerance, abs_tol=min(tolerance, AROUND_ZERO))


def _metrics(run: TrackedRun) -> dict[str, float]:
    return {name: value for name, value in run.metrics.items() if not name.startswith(OF_THE_MACHINE)}


def _text(value: float | None) -> str | None:
    return None if value is None else repr(value)


def _match(name: str, compared: int, tolerance: float) -> Fact:
    message = f"all {compared} metrics are those of {name}, within {tolerance:g}"
    return Fact("Reproduced", "True", "MetricsMatch", message)


def _differ(name: str, found: tuple[MetricDifference, ...], compared: int) -> Fact:
    told = "; ".join(
        f"{d.metric} was {d.original or 'not logged'} and is {d.replayed or 'not logged'}"
        for d in found[:NAMED_IN_MESSAGE]
    )
    message = f"{len(found)} of {compared} metrics are not those of {name}: {told}"
    return Fact("Reproduced", "False", "MetricsDiffer", message)
