"""Lists of the models to serve: the `*.json` files of a folder, such as a ConfigMap volume, read when they change."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from millwright_serving.package import is_digest
from millwright_serving.settings import ModelVersion

# Names and versions are parts of paths, here and in the folder that packages are fetched to.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_REQUIRED = {"name", "version", "packageURI", "digest"}
_KNOWN = _REQUIRED | {"allowPickle"}


class ListingError(Exception):
    """The lists are wrong; the message says which entry, and what to correct."""


class Listing:
    """Model versions by name, in the order of the lists."""

    def __init__(self, versions: Sequence[ModelVersion] = ()) -> None:
        """Raises ListingError when a version is there twice."""
        self._versions = {(one.name, one.version): one for one in versions}
        # Of a name the first one answers where a request names no version.
        self._first = {one.name: one for one in reversed(versions)}
        if len(self._versions) != len(versions):
            raise ListingError(f"{_twice(versions)} is listed twice; list each version of a model once.")

    def __iter__(self) -> Iterator[ModelVersion]:
        return iter(self._versions.values())

    def __len__(self) -> int:
        return len(self._versions)

    def __contains__(self, one: object) -> bool:
        return isinstance(one, ModelVersion) and self._versions.get((one.name, one.version)) == one

    def find(self, name: str, version: str | None) -> ModelVersion | None:
        """None for the version: the first of the name."""
        return self._first.get(name) if version is None else self._versions.get((name, version))

    def named(self, name: str) -> list[ModelVersion]:
        """All versions of a name."""
        return [one for one in self if one.name == name]


class Lists:
    """The folder with the lists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: object = None

    def changed(self) -> Listing | None:
        """What is listed; None where the files are those of the last call.

        Raises ListingError, once for the same files.
        """
        if not self._folder.is_dir():
            raise ListingError(f"There is no folder {self._folder}; MILLWRIGHT_MODELS_DIR must name one.")
        try:
            files = sorted(self._folder.glob("*.json"))
            # Before they are read: what changes meanwhile is seen at the next look.
            seen = [(file.name, (stat := file.stat()).st_mtime_ns, stat.st_ino, stat.st_size) for file in files]
            if seen == self._seen:
                return None
            self._seen = seen
            return Listing([one for file in files for one in read_list(file.name, file.read_bytes())])
        except OSError as error:
            raise ListingError(f"{error.filename} cannot be read: {error.strerror}.") from error


def read_list(file: str, content: bytes) -> list[ModelVersion]:
    """`[{"name", "version", "packageURI", "digest", "allowPickle"}, …]`, the last one optional. Raises ListingError."""
    try:
        entries = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ListingError(f"{file} is not JSON: {error}.") from error
    if not isinstance(entries, list):
        raise ListingError(f"{file} must be an array of models.")
    return [_version_of(f"{file}, model {number}", entry) for number, entry in enumerate(entries, 1)]


def _version_of(where: str, entry: Any) -> ModelVersion:
    if not isinstance(entry, dict) or not _REQUIRED <= entry.keys() <= _KNOWN:
        raise ListingError(f"{where} must have {', '.join(sorted(_REQUIRED))}, may have allowPickle, and nothing else.")
    for key in ("name", "version"):
        if not isinstance(entry[key], str) or not _NAME.fullmatch(entry[key]):
            raise ListingError(f"{where}: {key} must be letters, digits, '.', '_' and '-', not {entry[key]!r}.")
    return _checked(where, entry)


def _checked(where: str, entry: Mapping[str, Any]) -> ModelVersion:
    uri, digest, allow_pickle = entry["packageURI"], entry["digest"], entry.get("allowPickle", False)
    if not isinstance(uri, str) or not uri:
        raise ListingError(f"{where}: packageURI must be s3://… or a folder, not {uri!r}.")
    if not isinstance(digest, str) or not is_digest(digest):
        raise ListingError(f"{where}: digest must be sha256:<64 hex digits>, not {digest!r}.")
    if not isinstance(allow_pickle, bool):
        raise ListingError(f"{where}: allowPickle must be true or false, not {allow_pickle!r}.")
    return ModelVersion(entry["name"], entry["version"], uri, digest, allow_pickle)


def _twice(versions: Sequence[ModelVersion]) -> str:
    seen: set[tuple[str, str]] = set()
    for one in versions:
        if (one.name, one.version) in seen:
            return f"{one.name}, version {one.version},"
        seen.add((one.name, one.version))
    raise AssertionError("no version is there twice")
