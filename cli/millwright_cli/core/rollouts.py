"""What promote, abort, rollback, pause and resume make of a Deployment's spec."""

from millwright_cli.core import rollout_fields
from millwright_cli.core.errors import Failure
from millwright_cli.core.kinds import Manifest
from millwright_cli.core.rollout_fields import PAUSE, Promotion, Rollout, Served


def promote(body: Manifest, step: int | None, full: bool) -> Manifest:
    """Approves the pause that the version on its way is at, those up to `step`, or all. Raises Failure."""
    rollout = rollout_fields.read(body)
    candidate = _candidate(body, rollout, "promote")
    wanted = Promotion(candidate.version, None if full else _last_step(rollout, candidate, step))
    if rollout.promotion and rollout.promotion.covers(wanted):
        return _spec(body)
    return rollout_fields.promoted(_spec(body), wanted)


def abort(body: Manifest) -> Manifest:
    """Gives up the version that is on its way. Raises Failure."""
    rollout = rollout_fields.read(body)
    candidate = _candidate(body, rollout, "abort")
    if rollout.stable and rollout.stable.version == candidate.version:
        raise Failure(
            f"version {candidate.version} itself serves: what is on its way is another form of it, and to abort a "
            "version is to stop serving it; take the change of the spec back, or kubectl millwright pause"
        )
    return _given_up(body, rollout, (candidate.version,))


def rollback(body: Manifest, to: str | None) -> Manifest:
    """Gives up what serves, and what was served after `to`. Raises Failure."""
    rollout = rollout_fields.read(body)
    if rollout.stable is None:
        raise Failure(f"{_name(body)} serves nothing yet: there is nothing to go back from")
    if to is None:
        return _given_up(body, rollout, (_previous(body, rollout, rollout.stable).version,))
    return _given_up(body, rollout, _served_after(body, rollout, to))


def pause(body: Manifest) -> Manifest:
    """Holds every roll-out where it is."""
    return rollout_fields.paused(_spec(body), True)


def resume(body: Manifest) -> Manifest:
    """Lets roll-outs go on."""
    return rollout_fields.paused(_spec(body), False) if rollout_fields.read(body).paused else _spec(body)


def _spec(body: Manifest) -> Manifest:
    """The spec."""
    spec: Manifest = body["spec"]
    return spec


def _candidate(body: Manifest, rollout: Rollout, verb: str) -> Served:
    """Raises Failure where nothing is on its way."""
    if rollout.candidate is None:
        serves = f"it serves version {rollout.stable.version}" if rollout.stable else "it serves nothing yet"
        hint = "; to leave that: kubectl millwright rollback" if verb == "abort" and rollout.stable else ""
        raise Failure(f"no version of {_name(body)} is on its way, so there is nothing to {verb}: {serves}{hint}")
    return rollout.candidate


def _last_step(rollout: Rollout, candidate: Served, step: int | None) -> int | None:
    """The last one to approve: that which is named, or the pause that it is at. None of a strategy without steps."""
    if step is not None and step >= len(rollout.steps):
        known = f"its steps are 0 to {len(rollout.steps) - 1}" if rollout.steps else "it has no steps: leave out --step"
        raise Failure(f"spec.strategy has no step {step}; {known}")
    if step is not None or not rollout.steps:
        return step
    at = candidate.step
    if at is None or at >= len(rollout.steps) or PAUSE not in rollout.steps[at]:
        where = "no step yet" if at is None else f"step {at}, which is no pause"
        raise Failure(
            f"version {candidate.version} is at {where}: wait until it pauses, or approve in advance with --step "
            "or --full"
        )
    return at


def _previous(body: Manifest, rollout: Rollout, stable: Served) -> Served:
    """What serves, where something else can take its place. Raises Failure."""
    if rollout.candidate is not None:
        raise Failure(
            f"version {rollout.candidate.version} is on its way to replace version {stable.version}: give it up with "
            f"kubectl millwright abort {_name(body)}, or name the version to go back to with --to"
        )
    if not [version for version in _good(rollout) if version not in (stable.version, *rollout.aborted)]:
        raise Failure(
            f"{_name(body)} has served no other version than {stable.version}: let spec.model.version name the one "
            "to be served"
        )
    return stable


def _served_after(body: Manifest, rollout: Rollout, to: str) -> tuple[str, ...]:
    """Versions to give up, so that `to` is the last good one. Raises Failure."""
    if to in rollout.aborted:
        raise Failure(f"version {to} was given up: take it out of spec.rollout.abort to have it served again")
    good = _good(rollout)
    if to not in good:
        known = ", ".join(good) or "nothing"
        raise Failure(
            f"{_name(body)} has not served version {to}, as far back as status.history goes ({known}): let "
            "spec.model.version name it"
        )
    coming = (rollout.candidate.version,) if rollout.candidate and rollout.candidate.version != to else ()
    return (*coming, *good[: good.index(to)])


def _good(rollout: Rollout) -> tuple[str, ...]:
    """What was served, newest first, each version once."""
    serving = (rollout.stable.version,) if rollout.stable else ()
    before = (rollout.last_known_good,) if rollout.last_known_good else ()
    return tuple(dict.fromkeys((*serving, *before, *rollout.history)))


def _given_up(body: Manifest, rollout: Rollout, versions: tuple[str, ...]) -> Manifest:
    more = [version for version in versions if version not in rollout.aborted]
    return rollout_fields.aborted(_spec(body), (*rollout.aborted, *more)) if more else _spec(body)


def _name(body: Manifest) -> str:
    return str(body["metadata"]["name"])
