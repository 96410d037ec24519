"""The pod's environment as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from millwright_serving.environment import Reader, SettingsError
from millwright_serving.memory import budget_bytes

TERMINATION_LOG = "/dev/termination-log"
EXIT_SETTINGS = 2  # of a process whose environment is wrong


_LISTS = "MILLWRIGHT_MODELS_DIR"
_OF_ONE_MODEL = (
    *("MILLWRIGHT_PACKAGE_URI", "MILLWRIGHT_PACKAGE_DIGEST", "MILLWRIGHT_MODEL_NAME", "MILLWRIGHT_MODEL_VERSION"),
    *("MILLWRIGHT_ALLOW_PICKLE", "MILLWRIGHT_COMPARE_URL", "MILLWRIGHT_BATCH_MAX_ROWS", "MILLWRIGHT_LOG_SAMPLE"),
)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """What is served under a name: the package at a URI, with this digest and no other."""

    name: str
    version: str
    package_uri: str
    digest: str
    allow_pickle: bool = False


@dataclass(frozen=True)
class ManyModels:
    """Where the lists of models are, and what loading them on demand may take. Times in seconds, sizes in bytes."""

    lists: Path
    memory_budget: int
    max_loads: int = 4
    retry_seconds: float = 30.0


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

    models: ModelVersion | ManyModels
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
        read = Reader(env)
        settings = cls(
            models=_models(read),
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


def _models(read: Reader) -> ModelVersion | ManyModels:
    if read.has(_LISTS):
        for name in _OF_ONE_MODEL:
            read.refuse(name, f"is for a server of one model; unset it, or {_LISTS}")
        return ManyModels(
            lists=Path(read.text(_LISTS)),
            memory_budget=budget_bytes(read.number("MILLWRIGHT_MEMORY_BUDGET_MIB", 0)),
            max_loads=int(read.number("MILLWRIGHT_MAX_LOADS", ManyModels.max_loads, least=1)),
            retry_seconds=read.number("MILLWRIGHT_RETRY_SECONDS", ManyModels.retry_seconds),
        )
    return ModelVersion(
        package_uri=read.text("MILLWRIGHT_PACKAGE_URI"),
        digest=read.digest("MILLWRIGHT_PACKAGE_DIGEST"),
        name=read.text("MILLWRIGHT_MODEL_NAME"),
        version=read.text("MILLWRIGHT_MODEL_VERSION"),
        allow_pickle=read.flag("MILLWRIGHT_ALLOW_PICKLE"),
    )


def _comparison(read: Reader) -> Comparison | None:
    url = read.url("MILLWRIGHT_COMPARE_URL", "http://")
    rtol = read.number("MILLWRIGHT_COMPARE_RTOL", Comparison.rtol)
    atol = read.number("MILLWRIGHT_COMPARE_ATOL", Comparison.atol)
    port = int(read.number("MILLWRIGHT_MIRROR_PORT", Comparison.mirror_port, 65535))
    return Comparison(url, port, rtol, atol) if url else None


def _batching(read: Reader) -> Batching | None:
    """None, the default, where a batch would have one row."""
    rows = int(read.number("MILLWRIGHT_BATCH_MAX_ROWS", 1))
    delay = read.number("MILLWRIGHT_BATCH_MAX_DELAY_MS", 2.0)
    return Batching(rows, delay / 1000) if rows > 1 else None


def _payload_logging(read: Reader) -> PayloadLogging | None:
    sample = read.number("MILLWRIGHT_LOG_SAMPLE", 0.0, most=1.0)
    return PayloadLogging(sample, read.text("MILLWRIGHT_LOG_URI")) if sample else None
