"""What the model registry holds, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

METRICS_TAG = "millwright.metrics"


@dataclass(frozen=True)
class VersionName:
    """Which version of which registered model."""

    model: str
    number: str


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model."""

    number: str
    run_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether it was registered after its gates passed, or as an import."""
        return self.tags.get("millwright.gates") == "Passed"

    @property
    def metrics(self) -> dict[str, float]:
        """Finite metrics of its run, in the order in which they were told; none where the tag is no such text."""
        try:
            told = json.loads(self.tags.get(METRICS_TAG, "{}")).items()
            return {str(name): float(value) for name, value in told if isfinite(value)}
        except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError):
            return {}

    @property
    def ordinal(self) -> int:
        """Its number as one: version 10 is newer than version 9."""
        return int(self.number)


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model with its aliases (alias → version).

    `last_updated`, in milliseconds: it moves when a version comes or goes.
    """

    name: str
    url: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    last_updated: int = 0
