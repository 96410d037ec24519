"""The package format: `manifest.json` and the digest over everything else.

Shared with the packaging job, so it needs nothing but the standard library.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
SAMPLE = "sample.json"

Format = Literal["onnx", "skops", "pickle", "mlflow"]
# Of format mlflow the whole folder that MLflow wrote is the model, and this is the file by which it is known.
MODEL_FILES: Mapping[Format, str] = {
    "onnx": "model.onnx",
    "skops": "model.skops",
    "pickle": "model.pkl",
    "mlflow": "MLmodel",
}
RUNS_CODE: frozenset[Format] = frozenset({"pickle", "mlflow"})

_DIGEST = re.compile("sha256:[0-9a-f]{64}")

# Largest difference of a probability, or of a prediction relative to its size, that counts as the same.
TOLERANCE = 1e-5


class PackageError(Exception):
    """The package cannot be used: it is incomplete, unreadable or of a form that is not served."""

    exit_code = 1  # of the process that ends with it


class DigestMismatch(PackageError):
    """The package's content is not what was asked for."""

    exit_code = 3


class PredictionsDiffer(PackageError):
    """The model does not answer the package's sample as the one that was evaluated did."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output in terms of V2: a datatype such as "FP64", and a shape in which -1 is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        return cls(value["name"], value["datatype"], tuple(value["shape"]))

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True, slots=True)
class Signature:
    """What the model takes and gives, in the order in which it was trained."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        return cls(tuple(map(Tensor.from_dict, value["inputs"])), tuple(map(Tensor.from_dict, value["outputs"])))

    def to_dict(self) -> dict[str, Any]:
        return {"inputs": [t.to_dict() for t in self.inputs], "outputs": [t.to_dict() for t in self.outputs]}


@dataclass(frozen=True, slots=True)
class Verification:
    """How far the packaged model's predictions were from the original's, over how many sample rows.

    `tolerance`: how far they may be, in packaging and in the server that replays the sample.
    `fallback` says why the model is not in the best form, e.g. "ConversionMismatch: max difference 0.37 > 1e-05".
    """

    rows: int
    max_abs_difference: float
    fallback: str | None = None
    tolerance: float = TOLERANCE

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        return cls(value["rows"], value["maxAbsDifference"], value.get("fallback"), value.get("tolerance", TOLERANCE))

    def to_dict(self) -> dict[str, Any]:
        known: dict[str, Any] = {
            "rows": self.rows,
            "maxAbsDifference": self.max_abs_difference,
            "tolerance": self.tolerance,
        }
        return known if self.fallback is None else known | {"fallback": self.fallback}


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`; `files` maps each path in the package to "sha256:<hex>"."""

    digest: str
    format: Format
    runtime: str
    uri: str
    files: Mapping[str, str]
    model_id: str
    signature: Signature
    verification: Verification
    source_digest: str

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises PackageError, with the reason, when the text is not a manifest of this schema."""
        try:
            return cls._from_dict(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackageError(f"{MANIFEST} is not a manifest: {type(error).__name__}: {error}") from error

    @classmethod
    def _from_dict(cls, value: Mapping[str, Any]) -> Self:
        if value["schemaVersion"] != SCHEMA_VERSION:
            raise ValueError(f"schemaVersion is {value['schemaVersion']}, known is {SCHEMA_VERSION}")
        if value["format"] not in MODEL_FILES:
            raise ValueError(f"format is {value['format']!r}, known are {', '.join(MODEL_FILES)}")
        return cls(
            digest=value["digest"],
            format=cast(Format, value["format"]),
            runtime=value["runtime"],
            uri=value["uri"],
            files=dict(value["files"]),
            model_id=value["modelId"],
            signature=Signature.from_dict(value["signature"]),
            verification=Verification.from_dict(value["verification"]),
            source_digest=value["sourceDigest"],
        )

    def summary(self) -> dict[str, Any]:
        """The manifest without `files`, as the registry and the termination message carry it."""
        return {
            "schemaVersion": SCHEMA_VERSION,
            "digest": self.digest,
            "format": self.format,
            "runtime": self.runtime,
            "uri": self.uri,
            "modelId": self.model_id,
            "signature": self.signature.to_dict(),
            "verification": self.verification.to_dict(),
            "sourceDigest": self.source_digest,
        }

    def to_json(self) -> str:
        return json.dumps(self.summary() | {"files": dict(self.files)}, indent=1, sort_keys=True)


def require_allowed(manifest: Manifest, allow_pickle: bool) -> None:
    """Raises PackageError for a format that runs code when it is loaded, unless the Model allows it."""
    if manifest.format in RUNS_CODE and not allow_pickle:
        raise PackageError(
            f"The package's format is {manifest.format}, which can run any code when it is loaded; "
            "MILLWRIGHT_ALLOW_PICKLE=true allows it."
        )


def is_digest(text: str) -> bool:
    """Whether it has the form of a package's digest."""
    return _DIGEST.fullmatch(text) is not None


def file_digests(folder: Path) -> dict[str, str]:
    """The "sha256:<hex>" of every file below `folder` but the manifest, by its path relative to `folder`."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: _sha256(named[name]) for name in sorted(named) if name != MANIFEST}


def digest_of(folder: Path) -> str:
    """The package's digest: sha256 over the lines `<hex of the file>  <path>`, sorted by path."""
    lines = [f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in sorted(file_digests(folder).items())]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
