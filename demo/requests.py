"""A client that asks all the time: what the demo and the tests count failures with. Standard library only."""

import http.client
import threading
from dataclasses import dataclass, field


@dataclass
class RequestLoop:
    """Asks `path` of a host all the time on a kept-alive connection, and counts answers by model version."""

    host: str
    path: str
    body: str
    answered: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "RequestLoop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        while not self._stop.wait(0.005):
            try:
                connection.request("POST", self.path, self.body)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {text[:200]!r}")
                    continue
                version = answer.getheader("x-millwright-model-version", "unknown")
                self.answered[version] = self.answered.get(version, 0) + 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                connection.close()
        connection.close()
