"""The process: settings, listening, loading, and leaving without dropping a request."""

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
import uvloop

from millwright_serving.app import App
from millwright_serving.environment import SettingsError
from millwright_serving.logs import configure_logs, write_termination_message
from millwright_serving.many.listing import ListingError
from millwright_serving.many.repository import Repository
from millwright_serving.observation import Observer
from millwright_serving.one_model import OneModel
from millwright_serving.package import PackageError
from millwright_serving.prediction import Predictor
from millwright_serving.protocol import TimedProtocol, close_slow
from millwright_serving.settings import EXIT_SETTINGS, TERMINATION_LOG, ModelVersion, Settings

EXIT_FAILED = 1

# Without a prediction for so long, the clients have all gone elsewhere.
IDLE_SECONDS = 3.0

# Envoy keeps idle upstream connections for an hour. The server must not be the one to close them:
# a request that is under way at that moment would be lost.
KEEP_ALIVE_SECONDS = 3900

# After a drain, for requests that are under way; those that wait for a body that never comes end then.
LAST_SECONDS = 10

TICKS_PER_LOOK = 5  # uvicorn's, of a tenth of a second

_log = logging.getLogger("millwright_serving")


class StartError(Exception):
    """The server ends with `code`; the message is for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main() -> int:
    """Serve until SIGTERM; the exit code: 0, or 1 failed, 2 wrong settings, 3 digest mismatch, 4 other predictions."""
    configure_logs()
    try:
        settings = _settings()
        _allow_many_connections()
        mirror = (settings.comparison.mirror_port,) if settings.comparison else ()
        listeners = [_listen(port) for port in (settings.port, *mirror)]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, listeners))
    except StartError as error:
        _log.error(str(error))
        write_termination_message(os.environ.get("MILLWRIGHT_TERMINATION_LOG", TERMINATION_LOG), str(error))
        return error.code
    return 0


def build(settings: Settings) -> App:
    """The app with what it hosts, not started."""
    observer = Observer(settings)
    predictor = Predictor(observer, settings.max_body_bytes)
    if isinstance(settings.models, ModelVersion):
        return App(OneModel(settings.models, settings, predictor), observer)
    return App(Repository(settings.models, settings, predictor), observer)


def may_leave(elapsed: float, idle: float, in_flight: int, least: float, most: float) -> bool:
    """Whether a drain that began `elapsed` seconds ago is over; `idle` is since the last prediction came.

    `least` is what endpoints and proxies need to learn that this pod is leaving: quiet before means nothing.
    """
    return elapsed >= most or (in_flight == 0 and elapsed >= least and idle >= IDLE_SECONDS)


class _Server(uvicorn.Server):
    """uvicorn would stop listening at SIGTERM, while proxies still send requests here."""

    def __init__(self, config: uvicorn.Config, request_seconds: float) -> None:
        super().__init__(config)
        self._request_seconds = request_seconds

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_LOOK == 0:
            close_slow(self.server_state.connections, asyncio.get_running_loop().time() - self._request_seconds)
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _settings() -> Settings:
    try:
        return Settings.from_env(os.environ)
    except SettingsError as error:
        raise StartError(EXIT_SETTINGS, str(error)) from error


def _allow_many_connections() -> None:
    """As many as the pod may have: container runtimes start processes with a limit of 1024 files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(port: int) -> socket.socket:
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=2048)
        return socket.create_server(("", port), backlog=2048)
    except OSError as error:
        raise StartError(EXIT_FAILED, f"Cannot listen on port {port}: {error.strerror}.") from error


async def _serve(settings: Settings, listeners: list[socket.socket]) -> None:
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, _leave_at_once)
    app = build(settings)
    server = _Server(_uvicorn_config(app), settings.request_seconds)
    serving = asyncio.create_task(server.serve(sockets=listeners))
    try:
        await _start(app)
        loop.add_signal_handler(signal.SIGTERM, leaving.set)
        # What is loaded stays; without it, a collection of garbage during a request is short.
        gc.freeze()
        await leaving.wait()
        await _drain(app, settings)
    finally:
        server.should_exit = True
        await serving  # closes the listeners, then waits for what is in flight
        await asyncio.to_thread(app.observer.close)
    if app.models.loading:
        _leave_at_once()


def _leave_at_once() -> None:
    """Nobody is being answered, and a thread that loads cannot be told to stop: it ends with the process."""
    _log.info("Ended by SIGTERM while a model was loading.")
    sys.stdout.flush()
    os._exit(0)


async def _start(app: App) -> None:
    try:
        await app.models.start()
    except ListingError as error:
        raise StartError(EXIT_SETTINGS, str(error)) from error
    except PackageError as error:
        raise StartError(error.exit_code, str(error)) from error


async def _drain(app: App, settings: Settings) -> None:
    """Go on answering until the clients have left."""
    begun = time.monotonic()
    app.draining = True
    _log.info("Draining.")
    while True:
        now = time.monotonic()
        idle = now - app.last_prediction
        if may_leave(now - begun, idle, app.in_flight, settings.drain_min, settings.drain_seconds):
            return
        await asyncio.sleep(0.1)


def _uvicorn_config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody asks who the client is
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
