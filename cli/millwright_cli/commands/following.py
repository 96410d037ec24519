"""Logs of several containers as they are written, of those too that start later."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Thread

from millwright_cli.core import pod_logs
from millwright_cli.core.errors import Failure, NotStarted
from millwright_cli.core.pod_logs import Line, Seen, Source
from millwright_cli.ports import Cluster

LOOK_SECONDS = 1.0


def followed(
    cluster: Cluster, namespace: str, look: Callable[[], Seen], wait: Callable[[float], None]
) -> Iterator[Line]:
    """Lines in the order in which they arrive, until nothing more comes. Raises Failure."""
    readers: dict[str, _Reader] = {}
    lines: SimpleQueue[Line] = SimpleQueue()
    while True:
        seen = look()
        for source in seen.sources:
            if source.pod not in readers or readers[source.pod].has_not_started:
                readers[source.pod] = _Reader(cluster, namespace, source, lines)
                readers[source.pod].start()
        reading = any(reader.is_alive() for reader in readers.values())
        while not lines.empty():
            yield lines.get()
        for reader in readers.values():
            if reader.failure:
                raise reader.failure
        if seen.over and not reading:
            return
        wait(LOOK_SECONDS)


class _Reader(Thread):
    """Reads one log to its end; daemonic, so that Ctrl-C need not wait for it."""

    def __init__(self, cluster: Cluster, namespace: str, source: Source, lines: SimpleQueue[Line]) -> None:
        super().__init__(daemon=True)
        self.has_not_started = False
        self.failure: Failure | None = None
        self._cluster, self._namespace, self._source, self._lines = cluster, namespace, source, lines

    def run(self) -> None:
        try:
            for text in self._cluster.log(self._namespace, self._source.pod, self._source.container, follow=True):
                line = pod_logs.read(self._source, text)
                if line:
                    self._lines.put(line)
        except NotStarted:
            self.has_not_started = True
        except Failure as failure:
            self.failure = failure
