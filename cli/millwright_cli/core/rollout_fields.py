"""The fields by which people steer a roll-out, and those that tell how far it is. Named here, and nowhere else.

`spec.rollout: {paused: true, promote: {version: "8", step: 2}, abort: ["8"]}`
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from millwright_cli.core.kinds import Manifest

ROLLOUT, PAUSED, PROMOTE, ABORT = "rollout", "paused", "promote", "abort"
STRATEGY, STEPS, PAUSE = "strategy", "steps", "pause"
VERSION, STEP, WEIGHT = "version", "step", "weight"
EXPERIMENT, ARMS = "experiment", "arms"
STABLE, CANDIDATE, LAST_KNOWN_GOOD, REJECTED, HISTORY = (
    "stable",
    "candidate",
    "lastKnownGood",
    "rejectedVersion",
    "history",
)


@dataclass(frozen=True)
class Promotion:
    """Approved pauses of a version: up to and including that step, counted from 0; None: all."""

    version: str
    step: int | None = None

    def covers(self, other: "Promotion") -> bool:
        """Whether nothing is approved by the other that is not approved by this."""
        enough = self.step is None or (other.step is not None and other.step <= self.step)
        return self.version == other.version and enough


@dataclass(frozen=True)
class Served:
    """A version in the status, with its share of the traffic in percent, and the step that it is at."""

    version: str
    weight: int | None = None
    step: int | None = None


@dataclass(frozen=True)
class Rollout:
    """How far a Deployment is. `history`: versions that were served, newest first. `steps`: of the strategy."""

    stable: Served | None
    candidate: Served | None
    last_known_good: str | None
    history: tuple[str, ...]
    steps: tuple[Manifest, ...]
    paused: bool
    promotion: Promotion | None
    aborted: tuple[str, ...]


def read(body: Manifest) -> Rollout:
    """What spec and status say."""
    spec, status = body["spec"], body.get("status") or {}
    asked = spec.get(ROLLOUT) or {}
    promoted, candidate = asked.get(PROMOTE), _served(status.get(CANDIDATE))
    arms = (status.get(EXPERIMENT) or {}).get(ARMS) or ()
    given = [found[WEIGHT] for found in (*arms, status.get(CANDIDATE) or {}) if found.get(WEIGHT) is not None]
    rest = 100 - sum(given) if given else None
    return Rollout(
        stable=_served((status.get(STABLE) or {}) | {WEIGHT: rest}) if status.get(STABLE) else None,
        candidate=candidate,
        last_known_good=(status.get(LAST_KNOWN_GOOD) or {}).get(VERSION),
        history=tuple(entry[VERSION] for entry in status.get(HISTORY) or ()),
        steps=tuple((spec.get(STRATEGY) or {}).get(STEPS) or ()),
        paused=bool(asked.get(PAUSED)),
        promotion=Promotion(promoted[VERSION], promoted.get(STEP)) if promoted else None,
        aborted=tuple(asked.get(ABORT) or ()),
    )


def _served(found: Mapping[str, Any] | None) -> Served | None:
    return Served(found[VERSION], found.get(WEIGHT), found.get(STEP)) if found else None


def paused(spec: Manifest, value: bool) -> Manifest:
    """The spec, paused or going on."""
    return _with(spec, PAUSED, value)


def promoted(spec: Manifest, what: Promotion) -> Manifest:
    """The spec with that approval in place of any other."""
    step = {} if what.step is None else {STEP: what.step}
    return _with(spec, PROMOTE, {VERSION: what.version, **step})


def aborted(spec: Manifest, versions: tuple[str, ...]) -> Manifest:
    """The spec in which exactly these versions shall not be served."""
    return _with(spec, ABORT, list(versions))


def _with(spec: Manifest, field: str, value: Any) -> Manifest:
    return {**spec, ROLLOUT: {**(spec.get(ROLLOUT) or {}), field: value}}
