"""What a story consists of: what a user does to an object, and how the object must end."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
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
