"""The payload log: a sample of the predictions with what they were made of, written in the background."""

import logging
import random
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter

from millwright_serving.bounded import BoundedQueue
from millwright_serving.datatypes import Array
from millwright_serving.log_files import Prediction, Sink, parquet, sink
from millwright_serving.responses import Header, Response
from millwright_serving.settings import PayloadLogging
from millwright_serving.v2 import InferRequest

REQUEST_ID = b"x-request-id"
LONGEST_ID = 128
MOST_WAITING = 10_000
MOST_WAITING_BYTES = 8 * 2**20
# A file is written when it has so much, or when its first prediction is so old.
FILE_ROWS = 50_000
FILE_BYTES = 8 * 2**20
FILE_SECONDS = 60.0
LOOK_SECONDS = 0.5
FLUSH_SECONDS = 10.0

_log = logging.getLogger("millwright_serving.payload_log")


class PayloadLog:
    """One thread that writes. What comes faster than it can write is dropped, and counted."""

    def __init__(self, settings: PayloadLogging, constants: Mapping[str, str], registry: CollectorRegistry) -> None:
        self._settings, self._constants = settings, constants
        self._queue: BoundedQueue[Prediction] = BoundedQueue(MOST_WAITING, MOST_WAITING_BYTES)
        self._written = Counter("millwright_serving_logged", "Requests in the payload log.", registry=registry)
        told = "Requests that were sampled for the payload log and are not in it."
        self._dropped = Counter("millwright_serving_log_dropped", told, registry=registry)
        self._closing = threading.Event()
        self._files = 0
        self._sink: Sink | None = None
        self._thread = threading.Thread(target=self._run, name="payload-log", daemon=True)
        self._thread.start()

    def note(
        self, headers: Sequence[Header], request: InferRequest, outputs: Mapping[str, Array], response: Response
    ) -> Header:
        """A request was predicted. Returns the header by which its client can name it."""
        request_id = dict(headers).get(REQUEST_ID, b"")[:LONGEST_ID] or uuid4().hex.encode()
        if random.random() < self._settings.sample:
            now, size = time.time_ns() // 1000, len(response.asked) + len(response.body)
            name = request_id.decode("latin-1")
            if not self._queue.offer(Prediction(name, now, request.rows, request.inputs, outputs, size), size):
                self._dropped.inc()
        return REQUEST_ID, request_id

    def close(self) -> None:
        """Writes what waits, if that takes no longer than FLUSH_SECONDS."""
        self._closing.set()
        self._thread.join(FLUSH_SECONDS)

    def _run(self) -> None:
        file = _File()
        while True:
            one = self._queue.take(timeout=LOOK_SECONDS)
            if one is not None:
                file.add(one)
            leaving = one is None and self._closing.is_set()
            if file.predictions and (leaving or file.is_due()):
                self._write(file.predictions)
                file = _File()
            if leaving:
                return

    def _write(self, predictions: Sequence[Prediction]) -> None:
        try:
            self._sink = self._sink or sink(self._settings.uri)
            self._sink(self._name(), parquet(predictions, self._constants))
        except Exception as error:  # boto3's, the file system's and arro3's exceptions share no base
            fields = {"uri": self._settings.uri, "requests": len(predictions), "error": str(error)}
            _log.exception("The payload log lost requests.", extra={"fields": fields})
            self._dropped.inc(len(predictions))
        else:
            self._written.inc(len(predictions))

    def _name(self) -> str:
        """By day; pods and files of a pod have different ones."""
        self._files += 1
        place = f"{self._constants['model']}/{self._constants['version']}"
        return f"{place}/{datetime.now(UTC):%Y-%m-%d/%H%M%S}-{socket.gethostname()}-{self._files}.parquet"


class _File:
    """What the next file will have."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self._begun = time.monotonic()
        self._rows = self._bytes = 0

    def add(self, one: Prediction) -> None:
        if not self.predictions:
            self._begun = time.monotonic()
        self.predictions.append(one)
        self._rows += one.rows
        self._bytes += one.size

    def is_due(self) -> bool:
        full = self._rows >= FILE_ROWS or self._bytes >= FILE_BYTES
        return full or time.monotonic() - self._begun >= FILE_SECONDS
