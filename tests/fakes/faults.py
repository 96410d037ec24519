"""Faults: a proxy around a port that dies before a call, or after it when the reply is already lost."""

from typing import Any

READS = (
    *("check", "find", "get", "list", "metrics", "open_executions", "runtime", "strays", "tail"),
    *("uploaded", "version"),
)


class Killed(Exception):
    """The process ended here."""


class Faults:
    """Counts the writes of all proxied ports; the numbers in `before` and `after` die."""

    def __init__(self, before: frozenset[int] = frozenset(), after: frozenset[int] = frozenset()) -> None:
        self.before = before
        self.after = after
        self.calls = 0

    def around(self, port: Any) -> Any:
        """The same port, mortal."""
        return _Proxy(port, self)


class _Proxy:
    def __init__(self, port: Any, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name.startswith(READS):
            return method

        async def call(*args: Any) -> Any:
            number = self._faults.calls = self._faults.calls + 1
            if number in self._faults.before:
                raise Killed(f"before {name}")
            result = await method(*args)
            if number in self._faults.after:
                raise Killed(f"after {name}")
            return result

        return call
