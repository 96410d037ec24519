"""Logs as JSON lines, and the termination message that Kubernetes shows."""

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import orjson


class JsonFormatter(logging.Formatter):
    """One line per record; `extra={"fields": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure_logs() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def write_termination_message(path: str, message: str) -> None:
    """Kubernetes reads at most 4096 bytes. Outside of a pod there is no such file, and nobody to read it."""
    with suppress(OSError):
        Path(path).write_bytes(message.encode()[:4096])
