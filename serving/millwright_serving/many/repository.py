"""The server of many models: V2's paths by name and version, and its model repository API.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

import asyncio
import logging
import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from millwright_serving import memory
from millwright_serving.errors import RequestError
from millwright_serving.hosting import VERSION_HEADER, Route, Scope
from millwright_serving.jsonbody import parse_object
from millwright_serving.many.cache import ModelCache
from millwright_serving.many.listing import Listing, ListingError, Lists
from millwright_serving.many.metrics import ManyMetrics
from millwright_serving.package import PackageError
from millwright_serving.prediction import Predictor
from millwright_serving.responses import Receive, Response, json_response
from millwright_serving.served import ServedModel, load_served
from millwright_serving.settings import ManyModels, ModelVersion, Settings

LOOK_SECONDS = 2.0

_MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(infer|ready))?")
_REPOSITORY = re.compile(r"/v2/repository/models/([^/]+)/(load|unload)")

_log = logging.getLogger("millwright_serving.many")


class Repository:
    """Ready once it knows what is listed; models are loaded when they are asked for."""

    headers = ()
    extensions = ("model_repository",)

    def __init__(self, many: ManyModels, settings: Settings, predictor: Predictor) -> None:
        self._predictor, self._threads = predictor, settings.threads
        self._place = settings.model_dir / "loading"
        self._lists = Lists(many.lists)
        self._listing: Listing | None = None
        self._metrics = ManyMetrics(predictor.observer.metrics.registry)
        self._metrics.budget.set(many.memory_budget)
        self._cache = ModelCache(self._load, many, memory, self._metrics)
        self._metrics.watch(lambda: len(self._listing or ()), lambda: len(self._cache))
        self.routes: Mapping[str, Route] = {"/v2/repository/index": Route("POST", self._index)}
        self._handlers = {
            "infer": ("POST", self._infer), "ready": ("GET", self._ready), None: ("GET", self._metadata),
        }  # fmt: skip

    @property
    def loading(self) -> bool:
        """Whether any model is being loaded."""
        return self._cache.loading

    async def start(self) -> None:
        """Reads the lists, and then again whenever they change. Raises ListingError, PackageError."""
        self._empty_place()
        await self._read()
        self._following = asyncio.create_task(self._follow())
        _log.info("The models are listed.", extra={"fields": {"models": len(self._listing or ())}})

    async def look(self) -> None:
        """Reads the lists if they have changed. While they are wrong, those before count."""
        try:
            await self._read()
        except ListingError as error:
            self._metrics.lists_wrong.set(1)
            _log.error("The models' lists were not taken: those before count.", extra={"fields": {"error": str(error)}})

    def check_ready(self) -> None:
        """Raises RequestError (503) until the lists are read."""
        if self._listing is None:
            raise RequestError(503, "the models' lists are not read yet")

    def find(self, path: str) -> Route:
        """Raises RequestError (404)."""
        if found := _MODEL.fullmatch(path):
            name, version, what = found.groups()
            method, handle = self._handlers[what]
            return Route(method, partial(handle, self._listed(name, version)))
        if found := _REPOSITORY.fullmatch(path):
            change = self._cache.load if found[2] == "load" else self._cache.unload
            return Route("POST", partial(self._change, found[1], change))
        raise RequestError(404, f"there is nothing at {path}")

    def _listed(self, name: str, version: str | None) -> ModelVersion:
        self.check_ready()
        assert self._listing is not None
        wanted = self._listing.find(name, version)
        if wanted is None:
            which = name if version is None else f"{name}, version {version},"
            raise RequestError(404, f"model {which} is not listed here")
        return wanted

    async def _infer(self, wanted: ModelVersion, scope: Scope, receive: Receive) -> Response:
        # Before the model is taken: a slow client must not keep it in memory.
        body = await self._predictor.body(scope, receive)

        def answer(model: ServedModel) -> Any:
            return self._predictor.answer(model.infer, model.predict, scope, body)

        try:
            response: Response = await self._cache.use(wanted, answer)
        except RequestError as error:
            self._metrics.answered(wanted, error.status)
            raise
        self._metrics.answered(wanted, response.status)
        response.headers += ((VERSION_HEADER, wanted.version.encode()),)
        return response

    async def _ready(self, wanted: ModelVersion, scope: Scope, receive: Receive) -> Response:
        """It is, if it can be loaded: nothing else shows that it answers."""
        return await self._cache.use(wanted, _say_ready)

    async def _metadata(self, wanted: ModelVersion, scope: Scope, receive: Receive) -> Response:
        return await self._cache.use(wanted, _say_metadata)

    async def _index(self, scope: Scope, receive: Receive) -> Response:
        self.check_ready()
        body = await self._predictor.body(scope, receive)
        only_ready = bool(body) and parse_object(body).get("ready") is True
        entries = [self._entry(one) for one in self._listing or ()]
        return json_response([entry for entry in entries if not only_ready or entry["state"] == "READY"])

    def _entry(self, one: ModelVersion) -> dict[str, str]:
        state, reason = self._cache.state(one)
        return {"name": one.name, "version": one.version, "state": state, "reason": reason}

    async def _change(self, name: str, change: Any, scope: Scope, receive: Receive) -> Response:
        """All versions that are listed under the name."""
        self._listed(name, None)
        for one in self._listing.named(name) if self._listing else ():
            await change(one)
        return json_response({})

    async def _read(self) -> None:
        listing = await asyncio.to_thread(self._lists.changed)
        if listing is not None:
            self._metrics.lists_wrong.set(0)
            self._listing = listing
            await self._cache.keep(listing)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    def _load(self, wanted: ModelVersion) -> ServedModel:
        """In a thread. What was fetched is not kept: then it is in memory."""
        with TemporaryDirectory(dir=self._place) as place:
            return load_served(wanted, Path(place) / "package", self._threads, arena=False)

    def _empty_place(self) -> None:
        """A container that was killed may have left something."""
        try:
            shutil.rmtree(self._place, ignore_errors=True)
            self._place.mkdir(parents=True)
        except OSError as error:
            raise PackageError(
                f"{self._place} cannot be written: {error.strerror}; set MILLWRIGHT_MODEL_DIR."
            ) from error


async def _say_ready(model: ServedModel) -> Response:
    return json_response({"name": model.name, "ready": True})


async def _say_metadata(model: ServedModel) -> Response:
    return json_response(model.metadata())
