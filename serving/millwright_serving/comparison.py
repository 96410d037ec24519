"""Shadow comparison: mirrored requests are put to the version that has the traffic, too, and the answers compared.

A Gateway's RequestMirror discards our answer. Not every Gateway marks its copies, so they come to a port of their own.
"""

import http.client
import logging
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter

from millwright_serving.agreement import agree
from millwright_serving.bounded import BoundedQueue
from millwright_serving.responses import Header, Response
from millwright_serving.settings import Comparison

# A request with this one asks on behalf of a comparison: nobody's traffic, so it is in no metric.
ASKING: Header = (b"x-millwright-compare", b"1")
MOST_WAITING = 256
MOST_BYTES = 8 * 2**20
PATIENCE_SECONDS = 5.0

_log = logging.getLogger("millwright_serving.comparison")


class _Question(NamedTuple):
    path: str
    body: bytes
    answer: bytes


class Comparer:
    """One thread that asks, one after the other. What comes faster than it can ask is dropped, and counted."""

    def __init__(self, settings: Comparison, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._base = urlsplit(settings.url)
        self._queue: BoundedQueue[_Question] = BoundedQueue(MOST_WAITING, MOST_BYTES)
        told = "Mirrored requests by whether the version that has the traffic says the same."
        self._compared = Counter("millwright_serving_compared", told, ["result"], registry=registry)
        told = "Mirrored requests that were not compared: too many waited, or they were of bytes."
        self._dropped = Counter("millwright_serving_comparisons_dropped", told, registry=registry)
        self._connection = http.client.HTTPConnection(self._base.netloc, timeout=PATIENCE_SECONDS)
        self._is_failing = False
        threading.Thread(target=self._run, name="comparison", daemon=True).start()

    def offer(self, scope: Mapping[str, Any], answer: Response) -> None:
        """A request with its answer. One that is no copy, or that the client got wrong, tells nothing of the model."""
        if scope["server"][1] != self._settings.mirror_port:
            return
        if answer.status >= 500:
            self._compared.labels("failed").inc()
        elif answer.status == 200:
            question = _Question(scope["path"], answer.asked, answer.body)
            if not answer.is_json or not self._queue.offer(question, len(answer.asked) + len(answer.body)):
                self._dropped.inc()

    def _run(self) -> None:
        while True:
            if (question := self._queue.take()) is not None:
                self._compared.labels(self._result(question)).inc()

    def _result(self, question: _Question) -> str:
        try:
            theirs = self._ask(question)
            same = agree(question.answer, theirs, self._settings.rtol, self._settings.atol)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            self._tell(error)
            return "failed"
        self._is_failing = False
        return "agree" if same else "disagree"

    def _tell(self, error: Exception) -> None:
        """Once for many that fail one after the other."""
        if not self._is_failing:
            fields = {"url": self._settings.url, "error": f"{type(error).__name__}: {error}"}
            _log.warning("Mirrored requests cannot be compared.", extra={"fields": fields})
        self._is_failing = True

    def _ask(self, question: _Question) -> bytes:
        try:
            return self._post(question)
        except ConnectionError:  # one that stayed open since the last question may be closed by now
            self._connection.close()
            return self._post(question)

    def _post(self, question: _Question) -> bytes:
        headers = {"content-type": "application/json", ASKING[0].decode(): ASKING[1].decode()}
        self._connection.request("POST", self._base.path.rstrip("/") + question.path, question.body, headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise ValueError(f"it answers {response.status}")
        return body
