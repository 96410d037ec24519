"""From a request's body to its answer."""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from millwright_serving.batching import Outputs, Predict
from millwright_serving.binary import json_size
from millwright_serving.errors import RequestError
from millwright_serving.observation import Observer
from millwright_serving.responses import Receive, Response, read_body
from millwright_serving.served import Protocol
from millwright_serving.v2 import InferRequest

_log = logging.getLogger("millwright_serving")


class Predictor:
    """Reads, predicts, encodes; tells the observer."""

    def __init__(self, observer: Observer, max_body_bytes: int) -> None:
        self.observer = observer
        self._max_body_bytes = max_body_bytes

    def body(self, scope: Mapping[str, Any], receive: Receive) -> Awaitable[bytes]:
        """The request's body. Raises RequestError (413) when it is too large, ClientGone when nobody waits."""
        return read_body(receive, scope["headers"], self._max_body_bytes)

    async def answer(self, protocol: Protocol, predict: Predict, scope: Mapping[str, Any], body: bytes) -> Response:
        """Raises RequestError: 400 where the request is not as the signature says, 500 where the model fails."""
        parse, encode = protocol
        size = json_size(scope["headers"], body)
        request = parse(body, size)
        outputs = await _outputs(predict, request)
        response = encode(request, outputs)
        response.asked, response.is_json = body, size is None and not request.binary
        self.observer.predicted(scope, request, outputs, response)
        return response


async def _outputs(predict: Predict, request: InferRequest) -> Outputs:
    """A request that is parsed is one that the signature allows, so whatever goes wrong is the server's fault."""
    try:
        return await predict(request.inputs, request.rows)
    except Exception as error:  # the libraries' exceptions share no base
        _log.exception("The model failed.", extra={"fields": {"rows": request.rows}})
        raise RequestError(500, f"the model failed to predict: {type(error).__name__}: {error}") from error
