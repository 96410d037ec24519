# ruff: noqa: T201 (what a pod prints is its log)
"""How a Job says what became of it: the termination message and its exit code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT = 4096  # bytes; the kubelet cuts the file there, which would leave invalid JSON
EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Rejected": 2}


@dataclass(frozen=True)
class Outcome:
    """The end of a Job: `outcome` is Succeeded, Failed or Rejected; `details` are the message's other fields."""

    outcome: str
    reason: str | None = None
    message: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The process's exit code: 0 only if the Job did what it was for."""
        return EXIT_CODES[self.outcome]

    def to_json(self, limit: int = LIMIT) -> str:
        """JSON of at most `limit` bytes: the message loses its beginning first, then lists lose theirs."""
        body = {"outcome": self.outcome, "reason": self.reason, "message": self.message, **self.details}
        body = {key: value for key, value in body.items() if value is not None}
        while len(text := json.dumps(body)) > limit and _shorten(body, len(text) - limit):
            pass
        return text


class Rejected(Exception):
    """What was asked for is wrong: trying again cannot help. Carries the stable reason and a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.outcome = Outcome("Rejected", reason, message)


class Failed(Exception):
    """The work failed for a reason that has a name. Carries the stable reason and a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.outcome = Outcome("Failed", reason, message)


def write(outcome: Outcome, path: Path) -> None:
    """Write the termination message; outside of a pod, where the file cannot be made, that is no error."""
    try:
        path.write_text(outcome.to_json())
    except OSError as error:
        print(f"The termination message could not be written: {error}", flush=True)


def _shorten(body: dict[str, Any], excess: int) -> bool:
    """Drop about `excess` bytes of the least useful text; false if nothing is left to drop."""
    message = body.get("message") or ""
    if len(message) > 500:
        body["message"] = "…" + message[min(max(excess, 10) + 8, len(message) - 480) :]
        return True
    for name in ("tasks", "datasets"):
        if body.get(name):
            body[name] = body[name][1:]
            return True
    return False
