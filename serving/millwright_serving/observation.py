"""What is kept of requests: metrics, the access log, comparisons, the payload log."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from millwright_serving.comparison import ASKING, Comparer
from millwright_serving.datatypes import Array
from millwright_serving.metrics import Metrics
from millwright_serving.predictions import PredictionCounts
from millwright_serving.responses import Response
from millwright_serving.served import ServedModel
from millwright_serving.settings import Settings
from millwright_serving.v2 import InferRequest

if TYPE_CHECKING:
    from millwright_serving.payload_log import PayloadLog

_NO_PREDICTION = "/v2/repository/"

_log = logging.getLogger("millwright_serving.access")
_Scope = Mapping[str, Any]


class Observer:
    """Told of each prediction before it is answered, and of each answer after it was sent. Waits for nothing."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._comparer = Comparer(settings.comparison, self.metrics.registry) if settings.comparison else None
        self._predictions: PredictionCounts | None = None
        self._payload_log: PayloadLog | None = None

    def serving(self, model: ServedModel) -> None:
        """From now on `model` answers."""
        manifest = model.manifest
        self.metrics.describe_model(model.name, model.version, manifest.digest, manifest.format, model.predictions)
        self._predictions = model.predictions
        if self._settings.payload_logging:
            # Only here, because whoever logs nothing needs nothing of it.
            from millwright_serving.payload_log import PayloadLog

            constants = {"model": model.name, "version": model.version, "digest": manifest.digest}
            self._payload_log = PayloadLog(self._settings.payload_logging, constants, self.metrics.registry)

    def predicted(self, scope: _Scope, request: InferRequest, outputs: Mapping[str, Array], response: Response) -> None:
        """The model has answered; gives the response the headers that tell of it."""
        if ASKING in scope["headers"]:
            return
        if self._predictions is not None:
            self._predictions.add(outputs)
        if self._payload_log is not None:
            response.headers += (self._payload_log.note(scope["headers"], request, outputs, response),)

    def answered(self, scope: _Scope, response: Response, seconds: float) -> None:
        """The client has its answer, `seconds` after its request's headers came."""
        if scope["method"] == "POST" and (response.rows or not scope["path"].startswith(_NO_PREDICTION)):
            if ASKING not in scope["headers"]:
                self.metrics.observe(response.status, seconds, response.rows)
            if self._comparer is not None:
                self._comparer.offer(scope, response)
        if self._settings.access_log:
            what = {"method": scope["method"], "path": scope["path"], "code": response.status}
            _log.info("request", extra={"fields": what | {"ms": round(seconds * 1000, 3), "rows": response.rows}})

    def close(self) -> None:
        """Writes what is not written yet. May take some seconds."""
        if self._payload_log is not None:
            self._payload_log.close()
