"""What users do to TrainingRuns in a round, and how each must end, whatever happens meanwhile. Pure, by seed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from tests.campaign.api import Manifest
from tests.campaign.story import DIGEST, PIPELINE_URI, End, Step, Story, pipeline, thing, training_run

Told = tuple[tuple[Step, ...], End]
Teller = Callable[[str, Random], Told]
SUCCEEDED = End("Succeeded", "Succeeded", version=True)
AGAIN = End("Succeeded", "Succeeded", version=True, launches=None)
GONE = End(None)


def tell(seed: str, count: int, span: float) -> list[Story]:
    """So many TrainingRuns' stories, one kind after the other, their steps within the span."""
    random, kinds = Random(f"{seed}/stories"), list(STORIES)
    stories = []
    for index in range(count):
        kind = kinds[index % len(kinds)]
        name = f"{kind}-{index:02}"
        (steps, end), begin = STORIES[kind](name, random), random.uniform(0.0, 0.5) * span
        stories.append(Story(kind, name, tuple(replace(step, at=begin + step.at) for step in steps), end))
    return stories


def _create(body: Manifest, at: float = 0.0) -> Step:
    return Step(at, "create", "trainingruns", body["metadata"]["name"], body)


def _pipeline(name: str, at: float) -> Step:
    return Step(at, "create", "configmaps", name, pipeline(name))


def _edit(name: str, random: Random, **spec: Any) -> Step:
    return Step(0.1, "edit", "trainingruns", name, {"spec": spec}, **_moment(random))


def _delete(name: str, random: Random) -> Step:
    return Step(0.1, "delete", "trainingruns", name, **_moment(random))


def _moment(random: Random) -> dict[str, Any]:
    """Some time in a run's life; not all come to be packaged."""
    return {"when": random.choice(("Pending", "Running", "Running", "Packaging")), "lag": random.uniform(0.0, 3.0)}


def _simple(end: End = SUCCEEDED, parameters: Mapping[str, Any] | None = None, **spec: Any) -> Teller:
    def tell(name: str, random: Random) -> Told:
        return (_create(training_run(name, random, parameters, **spec)),), end

    return tell


def _edited(end: End, *changes: Mapping[str, Any], **first: Any) -> Teller:
    """Created, and changed a number of times at random moments."""

    def tell(name: str, random: Random) -> Told:
        edits = tuple(_edit(name, random, **change) for change in changes)
        return (_create(training_run(name, random, **first)), *edits), end

    return tell


def _deleted(name: str, random: Random) -> Told:
    return (_create(training_run(name, random)), _delete(name, random)), GONE


def _hasty(name: str, random: Random) -> Told:
    """Deleted before anybody can have done much."""
    gone = Step(random.uniform(0.0, 1.0), "delete", "trainingruns", name)
    return (_create(training_run(name, random)), gone), GONE


def _made_again(name: str, random: Random) -> Told:
    body = training_run(name, random)
    return (_create(body), _delete(name, random), _create(body, 0.2)), SUCCEEDED


def _early(name: str, random: Random) -> Told:
    """Its ConfigMap comes later."""
    body = training_run(name, random, pipeline={"configMapRef": {"name": name}})
    return (_create(body), _pipeline(name, random.uniform(0.5, 8.0))), SUCCEEDED


def _suspended(name: str, random: Random) -> Told:
    begin = (_create(training_run(name, random)), _edit(name, random, suspend=True))
    spec, lag = {"spec": {"suspend": False}}, random.uniform(0.0, 3.0)
    return (*begin, Step(0.2, "edit", "trainingruns", name, spec, "Suspended", lag)), AGAIN


def _replays(name: str, random: Random) -> Told:
    """Repeats what made the first version, which may be gone but for its copy in S3."""
    replay = {"replayOf": {"modelVersion": "1"}, "output": {"model": "auto"}}
    return (_create(thing("TrainingRun", name, replay)),), End("Succeeded", "Succeeded")


def _misled(name: str, random: Random) -> Told:
    """Its pipeline becomes one that it may not read, while it is under way; then it is deleted."""
    forbidden = {"configMapRef": None, "uri": "s3://elsewhere/pipe.yaml", "digest": f"sha256:{'0' * 64}"}
    misled = Step(0.1, "edit", "trainingruns", name, {"spec": {"pipeline": forbidden}}, "Running", 0.5)
    gone = Step(0.2, "delete", "trainingruns", name, lag=random.uniform(0.0, 6.0))
    return (_create(training_run(name, random)), misled, gone), GONE


def _stuck(name: str, random: Random) -> Told:
    """As `_misled`, and it stays: what was under way has been ended, and it says what is wrong."""
    (*steps, _), _ = _misled(name, random)
    return tuple(steps), End("Pending", "Rejected", launches=None)


def _other(mark: str) -> Mapping[str, Any]:
    return {"parameters": {"mark": mark}}


GATE: dict[str, Any] = {"gates": [{"metric": "auc", "operator": ">=", "threshold": 0.8}]}
STORIES: Mapping[str, Teller] = {
    "plain": _simple(),
    "passes": _simple(**GATE),
    "superseded": _edited(SUCCEEDED, _other("second"), _other("third")),
    "retried": _simple(
        End("Succeeded", "Succeeded", attempts=3, version=True), {"ends": "fail,fail,ok"}, backoffLimit=2
    ),
    "deleted": _deleted,
    "hasty": _hasty,
    "gated": _simple(End("Failed", "GatesFailed"), {"auc": 0.5}, **GATE),
    "suspended": _suspended,
    "fails": _simple(End("Failed", "Error", attempts=2), {"ends": "fail"}, backoffLimit=1),
    "early": _early,
    "flips": _edited(AGAIN, _other("second"), _other("first"), parameters={"mark": "first"}),
    "closes": _simple(parameters={"ends": "closes"}),
    "made-again": _made_again,
    "evicted": _simple(End("Succeeded", "Succeeded", attempts=2, version=True), {"ends": "evicted,ok"}),
    "mispacked": _simple(End("Failed", "ConversionMismatch"), {"packaging": "fail"}),
    "overdue": _simple(End("Failed", "DeadlineExceeded"), {"ends": "never"}, activeDeadlineSeconds=3),
    "pruned": _simple(End("Succeeded", "Succeeded", version=True, pruned=True), ttlSecondsAfterFinished=2),
    "stored": _simple(pipeline={"uri": PIPELINE_URI, "digest": DIGEST}),
    "replays": _replays,
    "misled": _misled,
    "stuck": _stuck,
}
