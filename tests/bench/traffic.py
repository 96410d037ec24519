"""The official client with a ledger: every request to the Kubernetes API by verb and kind, and a choice of writes."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kubernetes.aio import client

from millwright.adapters.kubernetes_api import configuration

READ = "GET"
Observer = Callable[[str, Any], None]


@dataclass(frozen=True)
class Write:
    """A write that can be sent again."""

    method: str
    target: str
    headers: dict[str, str]
    body: str

    def renamed(self, changes: dict[str, str]) -> "Write":
        """The same for other objects."""
        target, body = self.target, self.body
        for old, new in changes.items():
            target, body = target.replace(old, new), body.replace(old, new)
        return Write(self.method, target, self.headers, body)


class CountingClient(client.ApiClient):
    """Counts as it sends.

    `record`: writes to objects of this name, and events of them, are kept. `seen`: is told path and body of writes that
    were answered.
    """

    def __init__(self, record: str | None = None, seen: Observer | None = None) -> None:
        super().__init__(configuration())
        self.calls: Counter[str] = Counter()
        self.recorded: list[Write] = []
        self._record = record
        self._seen = seen

    @property
    def reads(self) -> int:
        """Requests that change nothing."""
        return sum(count for what, count in self.calls.items() if what.startswith(READ))

    @property
    def writes(self) -> int:
        """Requests that may change something."""
        return self.calls.total() - self.reads

    async def call_api(  # type: ignore[override]
        self, method: str, url: str, header_params: Any = None, body: Any = None, **more: Any
    ) -> Any:
        kind = _kind(urlsplit(url).path)
        self.calls[f"{method} {kind}"] += 1
        if method != READ and self._record and _name(url, body) == self._record:
            self._keep(method, url, header_params, body)
        answer = await super().call_api(method, url, header_params, body, **more)
        if method != READ and self._seen:
            self._seen(urlsplit(url).path, body)
        return answer

    async def send(self, write: Write) -> int:
        """Sends a recorded write; returns the status code."""
        url = self.configuration.host + write.target
        answer = await self.call_api(write.method, url, dict(write.headers), json.loads(write.body))
        await answer.read()
        return int(answer.status)

    def _keep(self, method: str, url: str, headers: dict[str, str], body: Any) -> None:
        target = url.removeprefix(self.configuration.host)
        self.recorded.append(Write(method, target, dict(headers), json.dumps(_unversioned(body))))


def _name(url: str, body: Any) -> str:
    """Of the object that a write is about: an event is about another."""
    words = urlsplit(url).path.partition("/namespaces/")[2].split("/")[2:]
    name = words[0] if words else body.get("involvedObject", body["metadata"]).get("name")
    return str(name)


def _unversioned(body: Any) -> Any:
    """Without the version that a write was made for: another object has another."""
    metadata = body.get("metadata", {})
    kept = {key: value for key, value in metadata.items() if key != "resourceVersion"}
    return body | ({"metadata": kept} if metadata else {})


def _kind(path: str) -> str:
    """`trainingruns`, or `trainingruns/status`, of a path below a namespace."""
    _, _, rest = path.partition("/namespaces/")
    words = rest.split("/")[1:]
    return "/".join(words[:1] + words[2:])
