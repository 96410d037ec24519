"""What the counters say of a candidate: failed, passed, or not known yet, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from millwright.api.analysis import Metric

State = Literal["Failed", "Passed", "Undecided"]


@dataclass(frozen=True)
class Finding:
    """What is known of one metric, with its numbers in words."""

    metric: str
    state: State
    message: str


@dataclass(frozen=True)
class Verdict:
    """What is known of all metrics."""

    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether any is beyond its bound."""
        return any(finding.state == "Failed" for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether all are within their bounds."""
        return all(finding.state == "Passed" for finding in self.findings)

    @property
    def message(self) -> str:
        """What is said of those that matter: the failed ones, else those that are waited for."""
        wanted: State = "Failed" if self.failed else "Undecided"
        said = [f"{f.metric}: {f.message}" for f in self.findings if f.state == wanted]
        return "; ".join(said) or "every metric has passed"


def by_numbers(metric: Metric, values: Sequence[float | None], limit: int) -> Finding:
    """Of a metric without a count: its value at the last intervals, oldest first, of which `limit` may be bad."""
    latest = values[-1] if values else None
    bound = f"≤ {metric.max:g}" if metric.max is not None else f"≥ {metric.min:g}"
    if latest is None:
        return Finding(metric.name, "Undecided", f"has no value yet; wanted {bound}")
    recent = [value for value in values[-limit - 1 :] if value is not None]
    bad = [value for value in recent if _is_beyond(metric, value)]
    said = f"{latest:.4g}, wanted {bound}"
    if len(bad) > limit:
        return Finding(metric.name, "Failed", f"{said}, in {len(bad)} intervals in a row")
    return Finding(metric.name, "Undecided" if bad else "Passed", said)


def _is_beyond(metric: Metric, value: float) -> bool:
    if value != value:  # NaN
        return True
    return (metric.max is not None and value > metric.max) or (metric.min is not None and value < metric.min)
