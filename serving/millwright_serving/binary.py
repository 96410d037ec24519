"""V2's binary tensor data extension: tensors as bytes behind the JSON of a request or an answer. Pure.

Little-endian, row-major; a BOOL is a byte, 0 or 1; each element of BYTES is its length in 4 bytes, then UTF-8.
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from millwright_serving.datatypes import Array, Datatype
from millwright_serving.errors import bad_request
from millwright_serving.responses import Header

EXTENSION = "binary_tensor_data"
CONTENT_TYPE = b"application/octet-stream"
SIZE_HEADER = b"inference-header-content-length"

_LENGTH = struct.Struct("<I")


def json_size(headers: Sequence[Header], body: bytes) -> int | None:
    """How much of the body is JSON; None where all of it is. Raises RequestError (400) for what cannot be."""
    for name, value in headers:
        if name == SIZE_HEADER:
            if not value.isdigit() or int(value) > len(body):
                raise bad_request("Inference-Header-Content-Length must be the size of the JSON, within the body")
            return int(value)
    return None


def attach(request: Mapping[str, Any], tail: memoryview) -> None:
    """Gives each input that is said to be binary its part of `tail` as `data`. Raises RequestError (400)."""
    entries = request.get("inputs")
    begin = 0
    for entry in entries if type(entries) is list else []:
        size = _parameter(entry, "binary_data_size")
        if size is None:
            continue
        if type(size) is not int or not 0 <= size <= len(tail) - begin or "data" in entry:
            raise bad_request(
                "binary_data_size must be the size of the tensor's bytes, all behind the JSON, without 'data'"
            )
        entry["data"] = tail[begin : begin + size]
        begin += size
    if begin != len(tail):
        raise bad_request(f"there are {len(tail)} bytes behind the JSON, but the inputs name {begin}")


def wanted_binary(request: Mapping[str, Any], names: Sequence[str]) -> Sequence[str]:
    """Those of the outputs `names` that are to be answered as bytes."""
    by_default = _parameter(request, "binary_data_output")
    entries = request.get("outputs") or [{} for _ in names]
    chosen = zip(names, (_parameter(entry, "binary_data") for entry in entries), strict=True)
    return [name for name, own in chosen if (by_default if own is None else own) is True]


def from_bytes(name: str, data: memoryview, count: int, datatype: Datatype) -> Array:
    """So many values of the input `name`, as a 1-D array. Raises RequestError (400)."""
    if datatype.name == "BYTES":
        return _strings(name, data, count)
    if len(data) != count * datatype.dtype.itemsize:
        raise bad_request(f"input '{name}' has {len(data)} bytes, but {count} values of {datatype.name}")
    if datatype.name == "BOOL" and not set(data) <= {0, 1}:
        raise bad_request(f"input '{name}' is BOOL: its bytes must be 0 or 1")
    # Copied, because behind the JSON nothing is aligned.
    return np.frombuffer(data, datatype.dtype.newbyteorder("<")).astype(datatype.dtype)


def to_bytes(array: Array, datatype: Datatype) -> bytes:
    """The bytes of an output."""
    if datatype.name == "BYTES":
        encoded = [str(value).encode() for value in array.ravel().tolist()]
        return b"".join(part for value in encoded for part in (_LENGTH.pack(len(value)), value))
    return array.astype(datatype.dtype.newbyteorder("<"), order="C", copy=False).tobytes()


def _strings(name: str, data: memoryview, count: int) -> Array:
    values: list[str] = []
    begin = 0
    try:
        while begin < len(data):
            (size,) = _LENGTH.unpack_from(data, begin)
            begin += _LENGTH.size + size
            if begin > len(data):
                raise ValueError("a value is longer than what is left")
            values.append(str(data[begin - size : begin], "utf-8"))
    except (struct.error, ValueError) as error:
        raise bad_request(f"input '{name}' is BYTES: each value must be its length in 4 bytes, then UTF-8") from error
    if len(values) != count:
        raise bad_request(f"input '{name}' has {len(values)} values in its bytes, but {count} in its shape")
    return np.array(values, dtype=np.object_)


def _parameter(entry: Any, name: str) -> Any:
    parameters = entry.get("parameters") if type(entry) is dict else None
    return parameters.get(name) if type(parameters) is dict else None
