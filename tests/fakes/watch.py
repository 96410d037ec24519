"""What the operator's cache knows by a watch that is never late, or as late as a test likes."""

import copy

from tests.fakes.cluster import FakeCluster

from millwright.core.execution import ObjectKey
from millwright.ports import Manifest, Resource
from millwright.reconcilers.object_cache import ObjectCache


class WatchedCache(ObjectCache):
    """Told of everything at once, until `late`: by how many versions each answer in turn is behind.

    A late one may be of an object that is gone or was made anew, and older than what the operator wrote itself.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__()
        self.late: list[int] = []
        self._cluster = cluster

    def get(self, resource: Resource, key: ObjectKey) -> Manifest | None:
        place = (resource.plural, key.namespace, key.name)
        behind, body = self.late.pop(0) if self.late else 0, self._cluster.objects.get(place)
        if behind:
            versions = [*self._cluster.past[place], *([] if body else [None])]
            return copy.deepcopy(versions[max(len(versions) - 1 - behind, 0)])
        if body is None:
            return None
        self.learn(resource, body)
        return super().get(resource, key)
