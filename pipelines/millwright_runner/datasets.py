"""`millwright_runner check`: whether data sets are in S3, and are what they are said to be.

A URI that ends with a slash is a folder: everything below it. Its digest is that of the lines `<hex of the file>
<path>`, sorted by path, as for packages and as `sha256sum` prints them.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from millwright_runner import s3
from millwright_runner.outcome import Failed, Outcome, Rejected

NOT_FOUND, MISMATCH = "DatasetNotFound", "DatasetDigestMismatch"
CHUNK_BYTES = 8 * 1024 * 1024
ABSENT = ("404", "NoSuchKey")
Etags = Mapping[str, str]  # by path below a folder; an object's own path is empty


@dataclass(frozen=True)
class Wanted:
    """A data set, its digest if it must have one, and what is known of it: the digest that goes with an ETag."""

    name: str
    uri: str
    digest: str | None = None
    known: Mapping[str, str] | None = None


def check(text: str) -> Outcome:
    """Looks at the data sets of a JSON list; every way it can end is an `Outcome`, with what was found so far."""
    found: list[dict[str, str]] = []
    try:
        _check([Wanted(**entry) for entry in json.loads(text)], found)
    except (Failed, Rejected) as named:
        return replace(named.outcome, details={"datasets": found})
    return Outcome("Succeeded", details={"datasets": found})


def _check(datasets: list[Wanted], found: list[dict[str, str]]) -> None:
    """All are looked for before the first is read."""
    client = s3.client()
    there = {it.name: _etags(client, it.uri) for it in datasets}
    if missing := [_missing(client, it) for it in datasets if not there[it.name]]:
        raise Failed(NOT_FOUND, "; ".join(missing))
    wrong = []
    for it in datasets:
        etag = _etag(there[it.name])
        digest = _digest(client, it, etag, there[it.name]) if it.digest else None
        found.append({"name": it.name, "uri": it.uri, "etag": etag} | ({"digest": digest} if digest else {}))
        if digest != it.digest:
            wrong.append(f"{it.uri} ({it.name}) has digest {digest}, not the {it.digest} of spec.datasets")
    if wrong:
        raise Rejected(MISMATCH, f"{'; '.join(wrong)}; name the one you mean, or put that one there")


def _etags(client: Any, uri: str) -> Etags:
    """Of all files of a data set; none where it is not there."""
    bucket, key = _place(uri)
    with s3.explained("read", uri):
        if not _is_folder(key):
            return _etag_of_object(client, bucket, key)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        entries = [entry for page in pages for entry in page.get("Contents", []) if not entry["Key"].endswith("/")]
        return {entry["Key"].removeprefix(key): entry["ETag"].strip('"') for entry in entries}


def _etag_of_object(client: Any, bucket: str, key: str) -> Etags:
    try:
        return {"": client.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')}
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return {}
        raise


def _missing(client: Any, it: Wanted) -> str:
    """The sentence for what is not there; it says so where a folder is meant."""
    bucket, key = _place(it.uri)
    with s3.explained("read", it.uri):
        below = client.list_objects_v2(Bucket=bucket, Prefix=f"{key.rstrip('/')}/", MaxKeys=1).get("Contents")
    hint = "; there are objects below it: the URI of a folder ends with a slash" if below else ""
    return f"{it.uri} ({it.name}) is not there{hint}"


def _etag(etags: Etags) -> str:
    """An object's own; of a folder, one of all of its files."""
    return etags[""] if "" in etags else _of_lines(etags)[:32]


def _digest(client: Any, it: Wanted, etag: str, etags: Etags) -> str:
    """As it was, where S3 says that nothing has changed; else it is read."""
    if it.known and it.known["etag"] == etag:
        return it.known["digest"]
    bucket, key = _place(it.uri)
    with s3.explained("read", it.uri):
        hashes = {path: _sha256(client, bucket, f"{key}{path}", mark) for path, mark in sorted(etags.items())}
    return f"sha256:{hashes[''] if '' in hashes else _of_lines(hashes)}"


def _sha256(client: Any, bucket: str, key: str, etag: str) -> str:
    """S3's own, where the object was stored with one of its whole content, which S3 compared then; else by reading."""
    reply = client.get_object(Bucket=bucket, Key=key, IfMatch=f'"{etag}"')
    with closing(reply["Body"]) as body:
        told = reply.get("ChecksumSHA256", "")
        if told and "-" not in told and reply.get("ChecksumType") != "COMPOSITE":
            return base64.b64decode(told).hex()
        digest = hashlib.sha256()
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _of_lines(values: Mapping[str, str]) -> str:
    lines = (f"{value}  {path}\n" for path, value in sorted(values.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _place(uri: str) -> tuple[str, str]:
    """Bucket and key."""
    parts = urlsplit(uri)
    return parts.netloc, uri.removeprefix(f"s3://{parts.netloc}/")


def _is_folder(key: str) -> bool:
    """A whole bucket is one, too."""
    return key == "" or key.endswith("/")
