"""Gates: small checks on a run's metrics, each with its own verdict."""

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from millwright.api.gates import Gate, VersionReference
from millwright.api.training_run import TrainingRunSpec
from millwright.core.training_state import Missing, Reference

HOLDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
AT_LEAST = (">=", ">")
References = Mapping[VersionReference, Reference | Missing]


@dataclass(frozen=True)
class Verdict:
    """What one gate says of one run. `scenario`: the slice whose metric it judges."""

    passed: bool
    reason: str
    message: str
    scenario: str | None = None


def references(spec: TrainingRunSpec) -> frozenset[VersionReference]:
    """What the gates compare with."""
    return frozenset(gate.relative_to for _, gate in _all(spec) if gate.relative_to is not None)


def metrics(spec: TrainingRunSpec) -> tuple[str, ...]:
    """Names of the metrics that are judged."""
    return tuple(gate.metric for _, gate in _all(spec))


def judge(spec: TrainingRunSpec, metrics: Mapping[str, float], found: References) -> tuple[Verdict, ...]:
    """One verdict a gate, in the order of the spec, those of scenarios last. `found`: all of `references`."""
    return tuple(replace(_judge(gate, metrics, found), scenario=scenario) for scenario, gate in _all(spec))


def _all(spec: TrainingRunSpec) -> list[tuple[str | None, Gate]]:
    """Every gate with its scenario; that of a scenario names the slice's metric."""
    sliced = [
        (scenario.name, gate.model_copy(update={"metric": f"{gate.metric}/{scenario.name}"}))
        for scenario in spec.scenarios
        for gate in scenario.gates
    ]
    return [*((None, gate) for gate in spec.gates), *sliced]


def _judge(gate: Gate, metrics: Mapping[str, float], found: References) -> Verdict:
    if gate.metric not in metrics:
        logged = ", ".join(sorted(metrics)[:10]) or "none"
        return _failed(gate, "MetricMissing", f": the run logged no {gate.metric} (it logged: {logged})")
    value = metrics[gate.metric]
    if math.isnan(value):
        return _failed(gate, "MetricIsNaN", f": {gate.metric} is NaN")
    if gate.relative_to is not None:
        return _relative(gate, value, found[gate.relative_to])
    assert gate.threshold is not None
    return _compared(gate, value, _exact(gate.threshold), f"{gate.metric} is {value:.6g}")


def _relative(gate: Gate, value: float, reference: Reference | Missing) -> Verdict:
    """A version that is not there yet is no reason to fail: somebody must be the first."""
    if isinstance(reference, Missing):
        return Verdict(not reference.final, reference.reason, f"{_wanted(gate)}: {reference.message}")
    other = reference.metrics.get(gate.metric)
    if other is None:
        told = f": version {reference.version} logged no {gate.metric}; compare with a threshold until one did"
        return _failed(gate, "MetricMissing", told)
    if math.isnan(other):
        return _failed(gate, "MetricIsNaN", f": of version {reference.version} {gate.metric} is NaN")
    tolerance = _exact(gate.tolerance or 0.0)
    bound = _exact(other) - tolerance if gate.operator in AT_LEAST else _exact(other) + tolerance
    return _compared(gate, value, bound, f"{gate.metric} is {value:.6g}, of version {reference.version} {other:.6g}")


def _compared(gate: Gate, value: float, bound: Decimal, found: str) -> Verdict:
    if not HOLDS[gate.operator](_exact(value), bound):
        return _failed(gate, "ThresholdMissed", f" does not hold: {found}")
    return Verdict(True, "Passed", f"{_wanted(gate)} holds: {found}")


def _failed(gate: Gate, reason: str, rest: str) -> Verdict:
    return Verdict(False, reason, f"{_wanted(gate)}{rest}")


def _wanted(gate: Gate) -> str:
    """The gate in the words of its spec, for example `roc_auc >= champion - 0.01`."""
    if gate.relative_to is None:
        return f"{gate.metric} {gate.operator} {gate.threshold:g}"
    other = gate.relative_to.alias or f"version {gate.relative_to.version}"
    room = f" {'-' if gate.operator in AT_LEAST else '+'} {gate.tolerance:g}" if gate.tolerance else ""
    return f"{gate.metric} {gate.operator} {other}{room}"


def _exact(number: float) -> Decimal:
    """As people write it: in binary, 0.8 - 0.1 is more than 0.7."""
    return Decimal(repr(number))
