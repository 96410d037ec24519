"""What was seen of a batch of runs, and what follows from it."""

from dataclasses import dataclass, field


@dataclass
class Seen:
    """Moments of one batch of runs, by their names; `workflows` counts how often a run was started."""

    asked: dict[str, float] = field(default_factory=dict)
    submitted: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    workflows: dict[str, set[str]] = field(default_factory=dict)

    def latencies(self) -> list[float]:
        """Seconds from the wish to the Workflow."""
        return [self.submitted[name] - asked for name, asked in self.asked.items() if name in self.submitted]

    def notices(self) -> list[float]:
        """Seconds from the Workflow's end to its being known."""
        return [known - self.ended[name] for name, known in self.known.items() if name in self.ended]

    def drained(self) -> float:
        """Seconds from the first wish to the last known end."""
        return max(self.known.values()) - min(self.asked.values())

    def faults(self) -> list[str]:
        """Runs that were not started, or more than once."""
        counts = {name: len(self.workflows.get(name, ())) for name in self.asked}
        return [f"{name} was started {count} times" for name, count in counts.items() if count != 1]
