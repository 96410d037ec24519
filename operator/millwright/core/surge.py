"""What a candidate does where nodes have no room for it beside what serves: who gives up pods, and what is told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from millwright.api.deployment import Candidate
from millwright.api.rollout import Strategy
from millwright.core.deployment_state import DeploymentObserved
from millwright.core.room import UNSCHEDULABLE
from millwright.core.strategies.rollout import Surge
from millwright.core.strategies.walk import Hold
from millwright.core.version_set_state import VersionSetState

# Where nothing is asked for. A canary's user counts on all pods of what serves, to take everything back.
DEFAULTS: Mapping[str, int | str] = {"RollingUpdate": "25%", "Experiment": "25%"}
ABLE = ("RollingUpdate", "Experiment", "Canary")


def allowed(strategy: Strategy, kind: str, replicas: int) -> int:
    """Pods of so many that may be missing. Of a canary one stays: it gets what the candidate does not."""
    asked = strategy.max_unavailable if strategy.max_unavailable is not None else DEFAULTS.get(kind, 0)
    number = replicas * int(asked.removesuffix("%")) // 100 if isinstance(asked, str) else asked
    return max(min(number, replicas - (kind == "Canary")), 0)


def noted(observed: DeploymentObserved, candidate: Candidate, kind: str, hold: Hold | None, now: datetime) -> Candidate:
    """The record; from when on what serves gives up pods for it, its time begins anew."""
    state = observed.sets.get(candidate.version_set)
    if candidate.without_surge or hold is not None or state is None:
        return candidate
    is_needed = state.room.scarce and state.room.is_lacking(now)
    if not is_needed or not allowed(observed.spec.strategy, kind, observed.replicas):
        return candidate
    return candidate.model_copy(update={"without_surge": True, "step_since": now})


def surge(observed: DeploymentObserved, candidate: Candidate, kind: str, hold: Hold | None, now: datetime) -> Surge:
    """For the strategy. What was given up in vain is given back."""
    state = observed.sets.get(candidate.version_set)
    if state is None:
        return Surge()
    limit = timedelta(seconds=observed.spec.progress_deadline_seconds)
    is_stuck = state.room.is_stuck(candidate.step_since or candidate.since, limit, now)
    gives_up = candidate.without_surge and not (is_stuck and state.ready == 0)
    missing = allowed(observed.spec.strategy, kind, observed.replicas) if gives_up else 0
    present = observed.serving.replicas if observed.serving else 0
    found = Surge(missing, least=present if hold is not None else int(missing < observed.replicas), stuck=is_stuck)
    is_lacking = state.room.is_lacking(now) and state.trouble is not None and state.trouble.reason == UNSCHEDULABLE
    return replace(found, lacking=_words(observed, state, kind, found, hold)) if is_lacking else found


def _words(observed: DeploymentObserved, state: VersionSetState, kind: str, found: Surge, hold: Hold | None) -> str:
    """What the candidate waits for."""
    if found.missing and hold is not None:
        return hold.message
    if found.missing:
        return f"pods before it leave for it, at most {found.missing} of {observed.replicas} are missing meanwhile"
    stable, strategy = observed.status.stable, observed.spec.strategy
    is_able = kind in ABLE and observed.replicas > (kind == "Canary") and not allowed(strategy, kind, observed.replicas)
    if stable is None or not state.room.scarce or not is_able:
        return "it goes on when there is room"
    go_first = f"strategy.maxUnavailable lets pods of version {stable.version} go first"
    return f"it goes on when there is room, or when {go_first}"
