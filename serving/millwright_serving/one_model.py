"""The server of one model: it loads it, and then all paths are known."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from millwright_serving.batching import Batcher
from millwright_serving.errors import RequestError
from millwright_serving.hosting import VERSION_HEADER, Route, Scope, get_json
from millwright_serving.prediction import Predictor
from millwright_serving.responses import Receive, Response
from millwright_serving.served import Protocol, ServedModel, load_served
from millwright_serving.settings import ModelVersion, Settings

_log = logging.getLogger("millwright_serving")


class OneModel:
    """Answers V2 and MLflow's protocol once the model is loaded."""

    extensions = ()
    loading = False  # who is told to leave before it is loaded leaves at once

    def __init__(self, wanted: ModelVersion, settings: Settings, predictor: Predictor) -> None:
        self._wanted, self._settings, self._predictor = wanted, settings, predictor
        self._model: ServedModel | None = None
        self.headers = ((VERSION_HEADER, wanted.version.encode()),)
        self.routes = self._build_routes()

    async def start(self) -> None:
        """Loads in a thread, so that liveness is answered meanwhile. Raises PackageError."""
        place = self._settings.model_dir / "package"
        model = await asyncio.to_thread(load_served, self._wanted, place, self._settings.threads)
        observer, batching = self._predictor.observer, self._settings.batching
        observer.serving(model)
        batched = Batcher(model.predict, batching, observer.metrics.registry).predict if batching else None
        self._predict = batched or model.predict
        self._model = model
        _log.info("The model is ready.", extra={"fields": {"digest": self._wanted.digest}})

    def check_ready(self) -> None:
        """Raises RequestError (503) while the model is being loaded."""
        self._loaded()

    def find(self, path: str) -> Route:
        """Raises RequestError (404)."""
        if path.startswith("/v2/models/"):
            served = f"{self._wanted.name}, version {self._wanted.version}"
            raise RequestError(404, f"{path} is of no model that is served here; served is {served}")
        raise RequestError(404, f"there is nothing at {path}")

    def _build_routes(self) -> Mapping[str, Route]:
        name, version = self._wanted.name, self._wanted.version
        routes = {"/invocations": self._predicting(lambda model: model.invocations)}
        for path in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
            routes[path] = get_json(lambda: self._loaded().metadata())
            routes[f"{path}/ready"] = get_json(lambda: {"name": self._loaded().name, "ready": True})
            routes[f"{path}/infer"] = self._predicting(lambda model: model.infer)
        return routes

    def _predicting(self, protocol_of: Callable[[ServedModel], Protocol]) -> Route:
        async def handle(scope: Scope, receive: Receive) -> Response:
            protocol = protocol_of(self._loaded())
            body = await self._predictor.body(scope, receive)
            return await self._predictor.answer(protocol, self._predict, scope, body)

        return Route("POST", handle)

    def _loaded(self) -> ServedModel:
        if self._model is None:
            raise RequestError(503, "the model is not loaded yet")
        return self._model
