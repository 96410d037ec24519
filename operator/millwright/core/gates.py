"""Gates: small checks on a run's metrics, each with its own verdict."""

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from millwright.api.training_run import Gate

HOLDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True)
class Verdict:
    """What one gate says of one run."""

    passed: bool
    reason: str
    message: str


def judge(gates: Iterable[Gate], metrics: Mapping[str, float]) -> tuple[Verdict, ...]:
    """One verdict a gate, in the order of the spec."""
    return tuple(_judge(gate, metrics) for gate in gates)


def _judge(gate: Gate, metrics: Mapping[str, float]) -> Verdict:
    wanted = f"{gate.metric} {gate.operator} {gate.threshold:g}"
    if gate.metric not in metrics:
        logged = ", ".join(sorted(metrics)[:10]) or "none"
        return Verdict(False, "MetricMissing", f"{wanted}: the run logged no {gate.metric} (it logged: {logged})")
    value = metrics[gate.metric]
    if math.isnan(value):
        return Verdict(False, "MetricIsNaN", f"{wanted}: {gate.metric} is NaN")
    if not HOLDS[gate.operator](value, gate.threshold):
        return Verdict(False, "ThresholdMissed", f"{wanted} does not hold: {gate.metric} is {value:.6g}")
    return Verdict(True, "Passed", f"{wanted} holds: {gate.metric} is {value:.6g}")
