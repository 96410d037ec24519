"""Clients of a served model behind the Gateway, who go on asking and count what they get."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType

from demo.kube import kubectl

VERSION_HEADER = "x-millwright-model-version"
TIMEOUT_SECONDS = 10.0


@cache
def gateway_address() -> str:
    """Where the local cluster's Gateway listens."""
    return kubectl("get", "gateway", "public", "-n", "gateways", "-o", "jsonpath={.status.addresses[0].value}").strip()


def body(columns: Sequence[str], row: Sequence[float]) -> bytes:
    """A V2 request of one row."""
    inputs = [
        {"name": name, "shape": [1], "datatype": "FP32", "data": [value]}
        for name, value in zip(columns, row, strict=True)
    ]
    return json.dumps({"inputs": inputs}).encode()


@dataclass
class Answers:
    """What came back: answers by model version, and failures by what they said."""

    by_version: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


class Client:
    """Sends one of its requests `rate` times a second over one connection, from `with` to its end.

    At random moments, as people do: the Gateway deals requests to versions in turn, so that clients in step would
    always get the same one.
    """

    def __init__(self, host: str, path: str, bodies: Sequence[bytes], rate: float) -> None:
        self.answers = Answers()
        self._address = gateway_address()
        self._path, self._bodies, self._rate = path, bodies, rate
        self._headers = {"Host": host, "Content-Type": "application/json"}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += random.expovariate(self._rate)
            self._ask(connection)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.request("POST", self._path, random.choice(self._bodies), self._headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.answers.failures[type(error).__name__] += 1
            return
        if answer.status == http.client.OK:
            self.answers.by_version[answer.headers.get(VERSION_HEADER, "")] += 1
        else:
            self.answers.failures[f"{answer.status}: {said[:100].decode(errors='replace')}"] += 1
