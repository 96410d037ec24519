"""What users do to TrainingRuns in a round, and how each must end, whatever happens meanwhile. Pure, by seed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.campaign.api import Manifest
from tests.campaign.runner import IR

API_VERSION = "millwright.dev/v1alpha1"
PIPELINE = "pipe"
PIPELINE_URI = "s3://pipelines/pipe.yaml"
DIGEST = f"sha256:{hashlib.sha256(IR.encode()).hexdigest()}"
Spec = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What a user does, and when.

    `at`: seconds from the beginning of the round. `when`: not before the object is in that state, and `lag` seconds
    after. `verb`: create, edit, delete, or rob (delete what belongs to the Deployment of that name). `body`: of what
    is created, or a merge patch.
    """

    at: float
    verb: str
    resource: str
    name: str
    body: Manifest | None = None
    when: str = ""
    lag: float = 0.0


@dataclass(frozen=True)
class End:
    """How a TrainingRun must end. `state` None: it is gone. `launches` None: it may be stopped and launched again."""

    state: str | None
    reason: str = ""
    attempts: int = 1
    version: bool = False
    launches: int | None = 1
    pruned: bool = False


@dataclass(frozen=True)
class Story:
    """One object's life."""

    kind: str
    name: str
    steps: tuple[Step, ...]
    end: End


Teller = Callable[[str, Random], Story]
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
        told, begin = STORIES[kind](name, random), random.uniform(0.0, 0.5) * span
        steps = tuple(replace(step, at=begin + step.at) for step in told.steps)
        stories.append(Story(kind, name, steps, told.end))
    return stories


def training_run(name: str, random: Random, parameters: Mapping[str, Any] | None = None, **spec: Any) -> Manifest:
    """A TrainingRun of one of the Models."""
    model = random.choice(("auto", "auto", "manual", "late"))
    needed = {"pipeline": {"configMapRef": {"name": PIPELINE}}, "output": {"model": model}}
    return thing("TrainingRun", name, needed | {"parameters": dict(parameters or {})} | spec)


def pipeline(name: str) -> Manifest:
    """A ConfigMap with the played pipeline."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"pipeline.yaml": IR}}


def thing(kind: str, name: str, spec: Spec) -> Manifest:
    """An object of ours."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


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
    def tell(name: str, random: Random) -> Story:
        return Story("", name, (_create(training_run(name, random, parameters, **spec)),), end)

    return tell


def _edited(end: End, *changes: Mapping[str, Any], **first: Any) -> Teller:
    """Created, and changed a number of times at random moments."""

    def tell(name: str, random: Random) -> Story:
        edits = tuple(_edit(name, random, **change) for change in changes)
        return Story("", name, (_create(training_run(name, random, **first)), *edits), end)

    return tell


def _deleted(name: str, random: Random) -> Story:
    return Story("", name, (_create(training_run(name, random)), _delete(name, random)), GONE)


def _hasty(name: str, random: Random) -> Story:
    """Deleted before anybody can have done much."""
    gone = Step(random.uniform(0.0, 1.0), "delete", "trainingruns", name)
    return Story("", name, (_create(training_run(name, random)), gone), GONE)


def _made_again(name: str, random: Random) -> Story:
    body = training_run(name, random)
    return Story("", name, (_create(body), _delete(name, random), _create(body, 0.2)), SUCCEEDED)


def _early(name: str, random: Random) -> Story:
    """Its ConfigMap comes later."""
    body = training_run(name, random, pipeline={"configMapRef": {"name": name}})
    return Story("", name, (_create(body), _pipeline(name, random.uniform(0.5, 8.0))), SUCCEEDED)


def _suspended(name: str, random: Random) -> Story:
    resume = Step(
        0.2, "edit", "trainingruns", name, {"spec": {"suspend": False}}, "Suspended", random.uniform(0.0, 3.0)
    )
    steps = (_create(training_run(name, random)), _edit(name, random, suspend=True), resume)
    return Story("", name, steps, AGAIN)


def _misled(name: str, random: Random) -> Story:
    """Its pipeline becomes one that it may not read, while it is under way; then it is deleted."""
    forbidden = {"configMapRef": None, "uri": "s3://elsewhere/pipe.yaml", "digest": f"sha256:{'0' * 64}"}
    misled = Step(0.1, "edit", "trainingruns", name, {"spec": {"pipeline": forbidden}}, "Running", 0.5)
    gone = Step(0.2, "delete", "trainingruns", name, lag=random.uniform(0.0, 6.0))
    return Story("", name, (_create(training_run(name, random)), misled, gone), GONE)


def _stuck(name: str, random: Random) -> Story:
    """As `_misled`, and it stays: what was under way has been ended, and it says what is wrong."""
    told = _misled(name, random)
    return Story("", name, told.steps[:-1], End("Pending", "Rejected", launches=None))


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
    "misled": _misled,
    "stuck": _stuck,
}
