"""A Kubernetes API in memory."""

import copy
import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from millwright.ports import ConflictError, Manifest, Resource


class FakeCluster:
    """Implements ports.Cluster; `writes` is the ledger of every write, `past` all versions of an object, in order."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.past: dict[tuple[str, str, str], list[Manifest]] = defaultdict(list)
        self.writes: list[tuple[str, str, str]] = []
        self.logs: dict[tuple[str, str], str] = {}
        self._versions = itertools.count(1)

    def put(self, resource: Resource, manifest: Manifest) -> Manifest:
        """As a user's `kubectl apply` does: a changed spec is a new generation."""
        metadata = manifest["metadata"]
        place = (resource.plural, metadata["namespace"], metadata["name"])
        old = self.objects.get(place)
        new = copy.deepcopy(manifest)
        changed = old is not None and old.get("spec") != new.get("spec")
        generation = (old["metadata"]["generation"] if old else 1) + int(changed)
        kept = {"uid": old["metadata"]["uid"] if old else f"uid-{next(self._versions)}", "generation": generation}
        new["metadata"] = (old or new)["metadata"] | metadata | kept | {"resourceVersion": str(next(self._versions))}
        new["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        if old and "status" in old:
            new.setdefault("status", old["status"])
        self.objects[place] = new
        self.past[place].append(copy.deepcopy(new))
        return new

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        return copy.deepcopy(self.objects.get((resource.plural, namespace, name)))

    async def list(self, resource: Resource, namespace: str | None, selector: str = "") -> Sequence[Manifest]:
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        return [
            copy.deepcopy(body)
            for (plural, place, _), body in sorted(self.objects.items())
            if plural == resource.plural
            and namespace in (None, place)
            and wanted.items() <= body["metadata"].get("labels", {}).items()
        ]

    async def create(self, resource: Resource, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        if (resource.plural, metadata["namespace"], metadata["name"]) not in self.objects:
            self._wrote("create", resource, metadata["name"])
            self.put(resource, manifest)

    async def apply(self, resource: Resource, manifest: Manifest) -> None:
        self._wrote("apply", resource, manifest["metadata"]["name"])
        self.put(resource, manifest)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest | None:
        return self._merge(resource, namespace, name, patch, "patch")

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest | None:
        return self._merge(resource, namespace, name, patch, "status")

    async def delete(self, resource: Resource, namespace: str, name: str, foreground: bool = False) -> None:
        if self.objects.pop((resource.plural, namespace, name), None) is not None:
            self._wrote("delete", resource, name)

    async def tail(self, namespace: str, pod: str, lines: int, container: str | None = None) -> str:
        return "\n".join(self.logs.get((namespace, pod), "").splitlines()[-lines:])

    def _merge(self, resource: Resource, namespace: str, name: str, patch: Manifest, verb: str) -> Manifest | None:
        body = self.objects.get((resource.plural, namespace, name))
        asked = patch.get("metadata", {}).get("resourceVersion")
        if asked is not None and (body is None or asked != body["metadata"]["resourceVersion"]):
            raise ConflictError("kubernetes", f"{resource.plural} {name}: the object has been modified")
        if body is None:
            return None
        metadata = body["metadata"]
        self._wrote(verb, resource, name)
        spec = copy.deepcopy(body.get("spec"))
        _merge_into(body, patch)
        metadata["resourceVersion"] = str(next(self._versions))
        metadata["generation"] += int(body.get("spec") != spec)
        if not body["metadata"].get("finalizers") and "deletionTimestamp" in body["metadata"]:
            del self.objects[resource.plural, namespace, name]
        self.past[resource.plural, namespace, name].append(copy.deepcopy(body))
        return copy.deepcopy(body)

    def _wrote(self, verb: str, resource: Resource, name: str) -> None:
        self.writes.append((verb, resource.plural, name))


def _merge_into(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge_into(target.setdefault(key, {}), value)
        else:
            target[key] = copy.deepcopy(value)
