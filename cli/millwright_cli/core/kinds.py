"""The kinds that the commands read, and what people call them."""

from dataclasses import dataclass
from typing import Any

from millwright_cli.core.errors import Failure

Manifest = dict[str, Any]
API_VERSION = "millwright.dev/v1alpha1"


@dataclass(frozen=True)
class Kind:
    """A kind of the Kubernetes API. `names`: what people call it before a slash."""

    kind: str
    plural: str
    names: tuple[str, ...] = ()
    api_version: str = API_VERSION


TRAINING_RUN = Kind("TrainingRun", "trainingruns", ("trun", "tr", "trainingrun", "trainingruns"))
MODEL = Kind("Model", "models", ("model", "mmodel", "models"))
DEPLOYMENT = Kind(
    "Deployment", "modeldeployments", ("mdep", "modeldeployment", "modeldeployments", "deployment", "deployments")
)
POD = Kind("Pod", "pods", api_version="v1")
CONFIG_MAP = Kind("ConfigMap", "configmaps", api_version="v1")
# A bare name means the first of these that there is.
KINDS = (MODEL, DEPLOYMENT, TRAINING_RUN)


@dataclass(frozen=True)
class Reference:
    """What a person named; no kind where that was a bare name."""

    kind: Kind | None
    name: str


def parse(text: str) -> Reference:
    """`NAME` or `KIND/NAME`. Raises Failure where there is no such kind, or nothing is named."""
    called, slash, name = text.rpartition("/")
    kind = next((kind for kind in KINDS if called.lower() in kind.names), None)
    if slash and kind is None:
        raise Failure(f"there is no kind {called!r} here: write {', '.join(f'{k.names[0]}/NAME' for k in KINDS)}")
    if not name:
        raise Failure(f"{text!r} names nothing: write NAME or KIND/NAME")
    return Reference(kind, name)


def named(text: str, wanted: Kind) -> str:
    """The name in `NAME` or `KIND/NAME`, of that kind. Raises Failure where another kind is named."""
    found = parse(text)
    if found.kind not in (None, wanted):
        raise Failure(f"{text} is no {wanted.kind}: write {wanted.names[0]}/NAME, or just its name")
    return found.name
