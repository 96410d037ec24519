"""The ASGI application: health, metrics, and the routes of its models. No framework: CPU per request counts."""

import logging
import time

from millwright_serving.binary import EXTENSION
from millwright_serving.errors import RequestError
from millwright_serving.hosting import Models, Route, Scope, get, get_json
from millwright_serving.metrics import CONTENT_TYPE
from millwright_serving.observation import Observer
from millwright_serving.responses import ClientGone, Receive, Response, Send, error_response, json_response

_READINESS = ("/ready", "/ping")  # of the server and of a model

_SERVER = {"name": "millwright", "version": "0.1.0"}

_log = logging.getLogger("millwright_serving")


class App:
    """Ready once its models are and while it isn't draining; predicts for as long as they can."""

    def __init__(self, models: Models, observer: Observer) -> None:
        self.models, self.observer = models, observer
        self.draining = False
        self.in_flight = 0
        self.last_prediction = time.monotonic()
        observer.metrics.in_flight.set_function(lambda: self.in_flight)
        self._routes = {**self._build_routes(), **models.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        self.in_flight += 1
        try:
            response = await self._answer(scope, receive)
            await self._send(response, send)
            self.observer.answered(scope, response, time.perf_counter() - started)
        except ClientGone:
            pass
        finally:
            self.in_flight -= 1

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            return await self._route(scope).handle(scope, receive)
        except RequestError as error:
            return error_response(error)
        except ClientGone:
            raise
        except Exception as error:
            _log.exception("The request failed.", extra={"fields": {"path": scope["path"]}})
            return error_response(RequestError(500, f"the server failed: {type(error).__name__}"))

    async def _send(self, response: Response, send: Send) -> None:
        headers = [
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(response.body)),
            *self.models.headers,
            *response.headers,
        ]
        # Draining: the client shall connect to another pod. 413: what is left of the body is not read.
        if self.draining or response.status == 413:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def _build_routes(self) -> dict[str, Route]:
        return {
            "/v2": get_json(lambda: _SERVER | {"extensions": [EXTENSION, *self.models.extensions]}),
            "/v2/health/live": get_json(lambda: {"live": True}),
            "/v2/health/ready": get(self._ready),
            "/ping": get(self._ready),
            "/metrics": get(lambda: Response(200, self.observer.metrics.exposition(), CONTENT_TYPE)),
        }

    def _route(self, scope: Scope) -> Route:
        route = self._routes.get(scope["path"]) or self.models.find(scope["path"])
        if self.draining and scope["path"].endswith(_READINESS):
            raise RequestError(503, "the server is shutting down")
        if scope["method"] != route.method:
            raise RequestError(405, f"{scope['method']} is not for {scope['path']}")
        if route.method == "POST":
            self.last_prediction = time.monotonic()
        return route

    def _ready(self) -> Response:
        self.models.check_ready()
        return json_response({"ready": True})
