"""Objects of our kinds as they were seen last: told by a watch, answered to a write of ours, or read."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from millwright.core.execution import ObjectKey
from millwright.ports import Cluster, ConflictError, Manifest, Resource

# A watch that lost its history does not tell what was deleted meanwhile.
TRUSTED_SECONDS = 300.0
MOST_OBJECTS = 2000  # some 4 KiB each


@dataclass(frozen=True)
class _Seen:
    """As JSON: it takes a fifth of the memory, and nobody can change it."""

    version: int
    text: str
    trusted_until: float


class ObjectCache:
    """Never older than what was learned before; how old it is beside the cluster, nobody knows."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = MOST_OBJECTS) -> None:
        self._now = now
        self._most = most
        self._seen: dict[tuple[Resource, ObjectKey], _Seen] = {}

    def learn(self, resource: Resource, body: Manifest) -> None:
        """Keeps it, unless a newer one is known. An object that was made anew is newer than the one that is gone.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
        """
        version, place = int(_version(body)), (resource, _key(body))
        known = self._seen.get(place)
        if known is not None and known.version > version:
            return
        metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
        self._seen.pop(place, None)  # so that it is the latest of all
        self._seen[place] = _Seen(version, json.dumps(body | {"metadata": metadata}), self._now() + TRUSTED_SECONDS)
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]

    def forget(self, resource: Resource, key: ObjectKey) -> None:
        """It is gone, or will hardly be asked for."""
        self._seen.pop((resource, key), None)

    def get(self, resource: Resource, key: ObjectKey) -> Manifest | None:
        """A copy; None: nothing is known, or what is known is too old."""
        known = self._seen.get((resource, key))
        if known is None or known.trusted_until < self._now():
            return None
        found: Manifest = json.loads(known.text)
        return found


class Reader:
    """What one look reads of our kinds: as it was seen last, or, `live`, as it is."""

    def __init__(self, cluster: Cluster, cache: ObjectCache, live: bool = False) -> None:
        self._cluster = cluster
        self._cache = cache
        self._live = live
        self._taken: dict[tuple[Resource, ObjectKey], str] = {}

    async def get(self, resource: Resource, key: ObjectKey) -> Manifest | None:
        """The object, or None where there is none."""
        known = None if self._live else self._cache.get(resource, key)
        if known is None:
            return await self._read(resource, key)
        self._taken[resource, key] = _version(known)
        return known

    async def confirm(self, *besides: tuple[Resource, ObjectKey]) -> None:
        """Raises ConflictError where something that was taken from the cache is not as it is, `besides` those."""
        for place, version in self._taken.items():
            body = None if place in besides else await self._read(*place)
            if place not in besides and (body is None or _version(body) != version):
                resource, key = place
                raise ConflictError("kubernetes", f"{resource.plural} {key.name} has changed since it was seen")

    async def _read(self, resource: Resource, key: ObjectKey) -> Manifest | None:
        body = await self._cluster.get(resource, key.namespace, key.name)
        if body is None:
            self._cache.forget(resource, key)
        else:
            self._cache.learn(resource, body)
        return body


def _version(body: Manifest) -> str:
    return str(body["metadata"]["resourceVersion"])


def _key(body: Manifest) -> ObjectKey:
    return ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"])
