"""Conditions are values, made here. They follow metav1.Condition and kstatus."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from millwright.api.common import Condition

Truth = Literal["True", "False", "Unknown"]
# The conditions that kstatus judges an object by.
VERDICT = ("Ready", "Reconciling", "Stalled")


@dataclass(frozen=True)
class Fact:
    """A condition before it is known since when it holds."""

    type: str
    status: Truth
    reason: str
    message: str


def working(reason: str, message: str) -> tuple[Fact, ...]:
    """Still under way: Reconciling True, Ready Unknown."""
    return _verdict("Unknown", "True", "False", reason, message)


def stalled(reason: str, message: str) -> tuple[Fact, ...]:
    """Will not get further without a change of spec: Stalled True, Ready False."""
    return _verdict("False", "False", "True", reason, message)


def unavailable(reason: str, message: str) -> tuple[Fact, ...]:
    """Was ready and is not now; it may come back by itself: Ready False, Reconciling True."""
    return _verdict("False", "True", "False", reason, message)


def ready(reason: str, message: str) -> tuple[Fact, ...]:
    """As the spec says: Ready True."""
    return _verdict("True", "False", "False", reason, message)


def _verdict(is_ready: Truth, reconciling: Truth, is_stalled: Truth, reason: str, message: str) -> tuple[Fact, ...]:
    return (
        Fact("Ready", is_ready, reason, message),
        Fact("Reconciling", reconciling, reason, message),
        Fact("Stalled", is_stalled, reason, message),
    )


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of that type, or None."""
    return next((c for c in conditions if c.type == kind), None)


def merge(old: Iterable[Condition], facts: Iterable[Fact], generation: int, now: datetime) -> tuple[Condition, ...]:
    """Conditions that say `facts` and keep what they do not speak of; transition times move only on a flip."""
    merged = {c.type: c for c in old}
    for fact in facts:
        before = merged.get(fact.type)
        same = before is not None and before.status == fact.status
        merged[fact.type] = Condition(
            type=fact.type,
            status=fact.status,
            reason=fact.reason,
            message=fact.message[:2048],
            observed_generation=generation,
            last_transition_time=before.last_transition_time if before is not None and same else now,
        )
    return tuple(merged.values())


def instead(
    told: Iterable[Condition], old: Iterable[Condition], facts: Iterable[Fact], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """What is `told`, but `facts` where they speak of the same; `old` stands in the cluster and knows since when."""
    facts = tuple(facts)
    said = {fact.type for fact in facts}
    ours = {c.type: c for c in merge(old, facts, generation, now) if c.type in said}
    return tuple(({c.type: c for c in told} | ours).values())
