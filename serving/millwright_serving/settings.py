"""The pod's environment as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TERMINATION_LOG = "/dev/termination-log"


class SettingsError(Exception):
    """The environment is wrong; the message has one sentence for each mistake."""


@dataclass(frozen=True)
class Comparison:
    """Where mirrored requests are put a second time, and how far numbers may differ (numpy.isclose).

    `mirror_port`: where they come.
    """

    url: str
    mirror_port: int = 8081
    rtol: float = 0.05
    atol: float = 0.05


@dataclass(frozen=True)
class Batching:
    """How many rows, and for how long, requests may wait for each other."""

    max_rows: int
    max_delay: float


@dataclass(frozen=True)
class PayloadLogging:
    """Which share of the requests is logged, and below which URI."""

    sample: float
    uri: str


@dataclass(frozen=True)
class Settings:
    """See docs/contracts.md, "Serving pod". Times are in seconds, sizes in bytes."""

    package_uri: str
    package_digest: str
    model_name: str
    model_version: str
    allow_pickle: bool = False
    port: int = 8080
    model_dir: Path = Path("/models")
    access_log: bool = False
    drain_min: float = 5.0
    drain_seconds: float = 15.0
    max_body_bytes: int = 16 * 2**20
    request_seconds: float = 30.0
    threads: int = 1
    comparison: Comparison | None = None
    batching: Batching | None = None
    payload_logging: PayloadLogging | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Raises SettingsError that lists everything that is wrong."""
        read = _Reader(env)
        settings = cls(
            package_uri=read.text("MILLWRIGHT_PACKAGE_URI"),
            package_digest=read.digest("MILLWRIGHT_PACKAGE_DIGEST"),
            model_name=read.text("MILLWRIGHT_MODEL_NAME"),
            model_version=read.text("MILLWRIGHT_MODEL_VERSION"),
            allow_pickle=read.flag("MILLWRIGHT_ALLOW_PICKLE"),
            port=int(read.number("MILLWRIGHT_PORT", cls.port, 65535)),
            model_dir=Path(env.get("MILLWRIGHT_MODEL_DIR") or cls.model_dir),
            access_log=read.flag("MILLWRIGHT_ACCESS_LOG"),
            drain_min=read.number("MILLWRIGHT_DRAIN_MIN", cls.drain_min),
            drain_seconds=read.number("MILLWRIGHT_DRAIN_SECONDS", cls.drain_seconds),
            max_body_bytes=int(read.number("MILLWRIGHT_MAX_BODY_BYTES", cls.max_body_bytes)),
            request_seconds=read.number("MILLWRIGHT_REQUEST_SECONDS", cls.request_seconds),
            threads=int(read.number("MILLWRIGHT_THREADS", cls.threads)),
            comparison=_comparison(read),
            batching=_batching(read),
            payload_logging=_payload_logging(read),
        )
        if read.mistakes:
            raise SettingsError(" ".join(read.mistakes))
        return settings


class _Reader:
    """Reads variables and collects the mistakes, so that all are told at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.mistakes: list[str] = []

    def text(self, name: str) -> str:
        value = self._env.get(name, "")
        if not value:
            self.mistakes.append(f"{name} must be set.")
        elif not (value.isascii() and value.isprintable()):  # they travel in HTTP headers and paths
            self.mistakes.append(f"{name} must be printable ASCII.")
        return value

    def digest(self, name: str) -> str:
        value = self.text(name)
        if value and not (value.startswith("sha256:") and len(value) == len("sha256:") + 64):
            self.mistakes.append(f"{name} must be sha256:<64 hex digits>, not {value!r}.")
        return value

    def url(self, name: str, scheme: str) -> str:
        """Empty where there is none."""
        value = self._env.get(name, "")
        if value and not (value.startswith(scheme) and len(value) > len(scheme)):
            self.mistakes.append(f"{name} must be {scheme}…, not {value!r}.")
        return value

    def flag(self, name: str) -> bool:
        value = self._env.get(name) or "false"
        if value not in ("true", "false"):
            self.mistakes.append(f"{name} must be true or false, not {value!r}.")
        return value == "true"

    def number(self, name: str, default: float, most: float = float("inf")) -> float:
        value = self._env.get(name) or str(default)
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= most:
            self.mistakes.append(f"{name} must be a number of at least 0{_at_most(most)}, not {value!r}.")
            return default
        return number


def _comparison(read: _Reader) -> Comparison | None:
    url = read.url("MILLWRIGHT_COMPARE_URL", "http://")
    rtol = read.number("MILLWRIGHT_COMPARE_RTOL", Comparison.rtol)
    atol = read.number("MILLWRIGHT_COMPARE_ATOL", Comparison.atol)
    port = int(read.number("MILLWRIGHT_MIRROR_PORT", Comparison.mirror_port, 65535))
    return Comparison(url, port, rtol, atol) if url else None


def _batching(read: _Reader) -> Batching | None:
    """None, the default, where a batch would have one row."""
    rows = int(read.number("MILLWRIGHT_BATCH_MAX_ROWS", 1))
    delay = read.number("MILLWRIGHT_BATCH_MAX_DELAY_MS", 2.0)
    return Batching(rows, delay / 1000) if rows > 1 else None


def _payload_logging(read: _Reader) -> PayloadLogging | None:
    sample = read.number("MILLWRIGHT_LOG_SAMPLE", 0.0, most=1.0)
    return PayloadLogging(sample, read.text("MILLWRIGHT_LOG_URI")) if sample else None


def _at_most(most: float) -> str:
    return "" if most == float("inf") else f" and at most {most:.0f}"
