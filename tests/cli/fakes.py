"""The Kubernetes API and MLflow, in memory."""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from millwright_cli.core.errors import Conflict, Failure, NotFound, NotStarted
from millwright_cli.core.kinds import CONFIG_MAP, KINDS, POD, Kind, Manifest
from millwright_cli.core.version_facts import Registered

FLIGHTS = Path(__file__).with_name("flights.yaml")
RESOURCES = {kind.kind: kind for kind in (*KINDS, POD, CONFIG_MAP)}
Key = tuple[str, str, str]


class FakeCluster:
    """Implements ports.Cluster. `logs`: by pod; `conflicts`: how many writes are still beaten by somebody else's."""

    def __init__(self, *manifests: Manifest, namespace: str = "flights") -> None:
        self._namespace = namespace
        self._objects: dict[Key, Manifest] = {}
        self._numbers = itertools.count(1)
        self.logs: dict[str, list[str]] = {}
        self.patches: list[Manifest] = []
        self.conflicts = 0
        self.outage: Failure | None = None
        for manifest in manifests:
            self.put(manifest)

    @property
    def namespace(self) -> str:
        return self._namespace

    def put(self, manifest: Manifest) -> None:
        """An object as somebody else has just written it."""
        body = copy.deepcopy(manifest)
        body["metadata"]["resourceVersion"] = str(next(self._numbers))
        self._objects[self._key(RESOURCES[body["kind"]], body["metadata"]["namespace"], body["metadata"]["name"])] = (
            body
        )

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        self._answers()
        try:
            return copy.deepcopy(self._objects[self._key(kind, namespace, name)])
        except KeyError:
            raise NotFound(f"there is no {kind.kind} {name} in namespace {namespace}") from None

    def list(self, kind: Kind, namespace: str, selector: str = "") -> Sequence[Manifest]:
        self._answers()
        wanted = dict(pair.split("=") for pair in selector.split(",") if pair).items()
        of_kind = (body for key, body in self._objects.items() if key[:2] == (kind.kind, namespace))
        return [copy.deepcopy(body) for body in of_kind if wanted <= body["metadata"].get("labels", {}).items()]

    def patch(self, kind: Kind, namespace: str, name: str, patch: Manifest) -> None:
        body = self.get(kind, namespace, name)
        if self.conflicts:
            self.conflicts -= 1
            self.put(body)
        if patch["metadata"]["resourceVersion"] != self.get(kind, namespace, name)["metadata"]["resourceVersion"]:
            raise Conflict("the object has been modified")
        self.patches.append(copy.deepcopy(patch))
        self.put(body | {"spec": merged(body["spec"], patch["spec"])})

    def create(self, kind: Kind, namespace: str, manifest: Manifest) -> str:
        self._answers()
        name = f"{manifest['metadata']['generateName']}{next(self._numbers):05}"
        self.put(manifest | {"metadata": {"name": name, "namespace": namespace}})
        return name

    def log(self, namespace: str, pod: str, container: str, follow: bool) -> Iterator[str]:
        if pod not in self.logs:
            raise NotStarted(f"container {container} in pod {pod} is waiting to start: ContainerCreating")
        yield from self.logs[pod]

    def _answers(self) -> None:
        if self.outage:
            raise self.outage

    @staticmethod
    def _key(kind: Kind, namespace: str, name: str) -> Key:
        return kind.kind, namespace, name


class FakeRegistry:
    """Implements ports.Registry."""

    def __init__(self, versions: Mapping[str, Registered]) -> None:
        self._versions = versions

    def version(self, model: str, version: str) -> Registered:
        try:
            return self._versions[f"{model}/{version}"]
        except KeyError:
            raise NotFound(f"MLflow: no version {version} of {model}") from None


def merged(old: Manifest, patch: Manifest) -> Manifest:
    """RFC 7386."""
    kept = {name: value for name, value in old.items() if name not in patch}
    changed = {
        name: merged(old[name] if isinstance(old.get(name), dict) else {}, value) if isinstance(value, dict) else value
        for name, value in patch.items()
        if value is not None
    }
    return kept | changed


def flights() -> FakeCluster:
    """A team in the middle of a roll-out."""
    cluster = FakeCluster(*yaml.safe_load_all(FLIGHTS.read_text()))
    cluster.logs = {
        "arr-delay-0000000009-load": ["reading [6] months", "81000 rows"],
        "arr-delay-0000000009-train": ["epoch 1"],
        "arr-delay-0000000008-old": ["of another execution"],
        "arr-delay-aaaaaaaa-1": ["serving version 7"],
    }
    return cluster
