"""The ASGI application: V2 and MLflow routes over one model. No framework: CPU per request counts."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from millwright_serving.batching import Batcher, Inputs, Outputs, Predict
from millwright_serving.errors import RequestError
from millwright_serving.metrics import CONTENT_TYPE
from millwright_serving.observation import Observer
from millwright_serving.responses import (
    ClientGone,
    Header,
    Receive,
    Response,
    Send,
    error_response,
    json_response,
    read_body,
)
from millwright_serving.served import Protocol, ServedModel
from millwright_serving.settings import Settings
from millwright_serving.v2 import InferRequest

# Up to so many rows are predicted where they arrive, because a thread costs more than they do;
# a larger batch goes to a thread, so that probes and small requests needn't wait for it.
INLINE_ROWS = 64

_log = logging.getLogger("millwright_serving")
_Scope = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Route:
    """What a path answers: a value for GET, or a prediction by a protocol of the model for POST."""

    get: Callable[[], Response] | None = None
    post: Callable[[ServedModel], Protocol] | None = None


class App:
    """Ready once it has a model and while it isn't draining; predicts for as long as it has a model."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        self.in_flight = 0
        self.last_prediction = time.monotonic()
        self.observer = Observer(settings, lambda: self.in_flight)
        self._model: ServedModel | None = None
        self._version_header: Header = (b"x-millwright-model-version", settings.model_version.encode())
        self._routes = self._build_routes()

    def serve(self, model: ServedModel) -> None:
        """From now on the app is ready, with `model`."""
        self.observer.serving(model)
        self._run = self._batched(partial(_run, model))
        self._model = model

    async def __call__(self, scope: _Scope, receive: Receive, send: Send) -> None:
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

    async def _answer(self, scope: _Scope, receive: Receive) -> Response:
        try:
            route = self._route(scope)
            if route.post is None:
                assert route.get is not None
                return route.get()
            return await self._predict(route.post, scope, receive)
        except RequestError as error:
            return error_response(error)
        except ClientGone:
            raise
        except Exception as error:
            _log.exception("The request failed.", extra={"fields": {"path": scope["path"]}})
            return error_response(RequestError(500, f"the server failed: {type(error).__name__}"))

    async def _predict(
        self, protocol_of: Callable[[ServedModel], Protocol], scope: _Scope, receive: Receive
    ) -> Response:
        self.last_prediction = time.monotonic()
        model = self._loaded()
        body = await read_body(receive, scope["headers"], self.settings.max_body_bytes)
        parse, encode = protocol_of(model)
        request = parse(body)
        outputs = await self._outputs(request)
        response = Response(200, encode(request, outputs), rows=request.rows, asked=body)
        self.observer.predicted(scope, request, outputs, response)
        return response

    async def _outputs(self, request: InferRequest) -> Outputs:
        """What the model predicts.

        Raises RequestError (500): a request that is parsed is one that the signature allows.
        """
        try:
            return await self._run(request.inputs, request.rows)
        except Exception as error:  # the libraries' exceptions share no base
            _log.exception("The model failed.", extra={"fields": {"rows": request.rows}})
            raise RequestError(500, f"the model failed to predict: {type(error).__name__}: {error}") from error

    def _batched(self, run: Predict) -> Predict:
        batching = self.settings.batching
        return Batcher(run, batching, self.observer.metrics.registry).predict if batching else run

    async def _send(self, response: Response, send: Send) -> None:
        headers = [
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(response.body)),
            self._version_header,
            *response.headers,
        ]
        # Draining: the client shall connect to another pod. 413: what is left of the body is not read.
        if self.draining or response.status == 413:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def _build_routes(self) -> dict[str, _Route]:
        name, version = self.settings.model_name, self.settings.model_version
        routes = {
            "/v2": _Route(get=_server_metadata),
            "/v2/health/live": _Route(get=lambda: json_response({"live": True})),
            "/v2/health/ready": _Route(get=self._ready),
            "/ping": _Route(get=self._ready),
            "/metrics": _Route(get=lambda: Response(200, self.observer.metrics.exposition(), CONTENT_TYPE)),
            "/invocations": _Route(post=lambda model: model.invocations),
        }
        for path in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
            routes[path] = _Route(get=lambda: json_response(self._loaded().metadata()))
            routes[f"{path}/ready"] = _Route(get=self._model_ready)
            routes[f"{path}/infer"] = _Route(post=lambda model: model.infer)
        return routes

    def _route(self, scope: _Scope) -> _Route:
        route = self._routes.get(scope["path"])
        if route is None:
            raise RequestError(404, self._unknown(scope["path"]))
        if scope["method"] != ("GET" if route.post is None else "POST"):
            raise RequestError(405, f"{scope['method']} is not for {scope['path']}")
        return route

    def _unknown(self, path: str) -> str:
        if path.startswith("/v2/models/"):
            served = f"{self.settings.model_name}, version {self.settings.model_version}"
            return f"{path} is of no model that is served here; served is {served}"
        return f"there is nothing at {path}"

    def _ready(self) -> Response:
        self._check_ready()
        return json_response({"ready": True})

    def _model_ready(self) -> Response:
        self._check_ready()
        return json_response({"name": self.settings.model_name, "ready": True})

    def _check_ready(self) -> None:
        if self.draining:
            raise RequestError(503, "the server is shutting down")
        self._loaded()

    def _loaded(self) -> ServedModel:
        if self._model is None:
            raise RequestError(503, "the model is not loaded yet")
        return self._model


async def _run(model: ServedModel, inputs: Inputs, rows: int) -> Outputs:
    if rows <= INLINE_ROWS:
        return model.model.predict(inputs)
    return await asyncio.to_thread(model.model.predict, inputs)


def _server_metadata() -> Response:
    return json_response({"name": "millwright", "version": "0.1.0", "extensions": []})
