"""Logged predictions as a parquet file: one row for each row predicted. Pure, but for what a sink does.

`input.<name>` and `output.<name>` have the signature's types; of several values for a row they are lists.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from arro3.core import Array as Column
from arro3.core import DataType, Table, fixed_size_list_array
from arro3.io import write_parquet

from millwright_serving.datatypes import Array

Sink = Callable[[str, bytes], None]  # a file's name below the log's URI, and its content


class Prediction(NamedTuple):
    """One request; `time` in microseconds since 1970, `size` in bytes, about."""

    request_id: str
    time: int
    rows: int
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    size: int


def parquet(predictions: Sequence[Prediction], constants: Mapping[str, str]) -> bytes:
    """The file's content; `constants` are the same in all rows. Raises ValueError if rows are of different widths."""
    counts = [one.rows for one in predictions]
    columns = {
        "request_id": _column(np.repeat(np.array([one.request_id for one in predictions], dtype=np.object_), counts)),
        "row": _column(np.concatenate([np.arange(count, dtype=np.int32) for count in counts])),
        "time": _column(np.repeat([one.time for one in predictions], counts)).cast(DataType.timestamp("us", tz="UTC")),
        **{name: _column(np.full(sum(counts), value, dtype=np.object_)) for name, value in constants.items()},
        **_columns("input", [one.inputs for one in predictions]),
        **_columns("output", [one.outputs for one in predictions]),
    }
    content = BytesIO()
    write_parquet(Table.from_pydict(dict(columns)), content, compression="zstd(3)")
    return content.getvalue()


def sink(uri: str) -> Sink:
    """Writes below an s3:// prefix, or into a folder."""
    if uri.startswith("s3://"):
        return _s3_sink(uri)
    return partial(_write, Path(uri))


def _columns(prefix: str, parts: Sequence[Mapping[str, Array]]) -> dict[str, Column]:
    return {f"{prefix}.{name}": _column(np.concatenate([part[name] for part in parts])) for name in parts[0]}


def _column(array: Array) -> Column:
    if array.ndim > 1:
        return fixed_size_list_array(_column(array.ravel()), array[0].size)
    if array.dtype.kind == "O":
        return Column(array.tolist(), type=DataType.utf8())
    return Column.from_numpy(np.ascontiguousarray(array))


def _write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _s3_sink(uri: str) -> Sink:
    # Only here, because boto3 is slow to import.
    import boto3
    from botocore.config import Config

    parts = urlsplit(uri)
    bucket, prefix = parts.netloc, parts.path.strip("/")
    client = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))

    def put(name: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"{prefix}/{name}".lstrip("/"), Body=content)

    return put
