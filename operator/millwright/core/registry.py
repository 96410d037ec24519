"""What the model registry holds, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
        """Whether a TrainingRun registered it after its gates passed."""
        return self.tags.get("millwright.gates") == "Passed"


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model with its aliases (alias → version)."""

    name: str
    url: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
