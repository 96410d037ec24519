"""A real Prometheus that has scraped what a test says that a server counted, at the times that it says."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests.cluster import gobuild
from tests.cluster.prometheus import PROMETHEUS
from tests.contract.processes import free_port, served

# A line of the text format, `name{label="value"} number`, at a moment; None: the counter is not there.
Line = Callable[[datetime], str | None]


@contextmanager
def prometheus(folder: Path, lines: Sequence[Line], moments: Sequence[datetime]) -> Iterator[str]:
    """Its address, once it has one sample of each line at each moment."""
    with scraping(folder, lines, moments, every="200ms") as (url, done):
        assert done.wait(60), f"Prometheus does not scrape (see {folder}/log)"
        yield url


@contextmanager
def scraping(
    folder: Path, lines: Sequence[Line], moments: Sequence[datetime], every: str
) -> Iterator[tuple[str, Event]]:
    """Its address while it takes a sample of each line at each moment, one moment at a time, and when it has all."""
    gobuild.build((PROMETHEUS,))
    with _counters(lines, moments) as (exporter, done):
        job = {"job_name": "servers", "honor_timestamps": True, "track_timestamps_staleness": True}
        targets = {"static_configs": [{"targets": [exporter]}]}
        timing = {"scrape_interval": every, "scrape_timeout": every}
        settings = {"scrape_configs": [job | timing | targets]}
        (folder / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
        address = f"127.0.0.1:{free_port()}"
        options = ["--config.file=prometheus.yml", f"--web.listen-address={address}", "--storage.tsdb.path=data"]
        command = [str(PROMETHEUS.binary), *options]
        url = f"http://{address}"
        with served("Prometheus", command, url, os.environ, folder, seconds=60, health="-/healthy"):
            yield url, done


@contextmanager
def _counters(lines: Sequence[Line], moments: Sequence[datetime]) -> Iterator[tuple[str, Event]]:
    """A target that tells one moment after the other, one at each scrape, and when all of them are taken."""
    left, done = list(moments), Event()

    class Target(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            moment = left.pop(0) if left else None
            if moment is None:
                done.set()
            told = [(line(moment), moment) for line in lines] if moment else []
            stamped = [f"{text} {at.timestamp() * 1000:.0f}\n" for text, at in told if text]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write("".join(stamped).encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Target) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", done
        finally:
            server.shutdown()
