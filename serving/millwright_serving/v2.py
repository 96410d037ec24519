"""The Open Inference Protocol (V2) over REST: bodies to arrays, and arrays to bodies. Pure.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np
import orjson

from millwright_serving import binary
from millwright_serving.datatypes import DATATYPES, Array, Datatype, to_array
from millwright_serving.errors import bad_request
from millwright_serving.jsonbody import parse_object
from millwright_serving.package import PackageError, Signature, Tensor
from millwright_serving.responses import Response

_BINARY = "binary_data_size, and the header Inference-Header-Content-Length"

JSON_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


class InferRequest(NamedTuple):
    """Arrays by input name, each with `rows` as its first dimension; `outputs` name what to answer."""

    inputs: Mapping[str, Array]
    rows: int
    outputs: Sequence[str]
    id: str | None = None
    binary: Sequence[str] = ()  # of the outputs, those to be answered as bytes


class RequestParser:
    """Reads infer requests for one signature."""

    def __init__(self, signature: Signature) -> None:
        self._inputs = {tensor.name: (tensor, datatype_of(tensor)) for tensor in signature.inputs}
        self._outputs = tuple(tensor.name for tensor in signature.outputs)

    def parse(self, body: bytes, json_size: int | None = None) -> InferRequest:
        """Where there is a `json_size`, tensors may be behind it as bytes.

        Raises RequestError (400) that says what is wrong with the request.
        """
        if json_size is None:
            request = parse_object(body)
        else:
            request = parse_object(body[:json_size])
            binary.attach(request, memoryview(body)[json_size:])
        inputs, outputs = self._arrays(request.get("inputs")), self._requested(request.get("outputs"))
        as_bytes = binary.wanted_binary(request, outputs) if "parameters" in request or "outputs" in request else ()
        return InferRequest(inputs, common_rows(inputs), outputs, _id_of(request), as_bytes)

    def _arrays(self, entries: Any) -> dict[str, Array]:
        if type(entries) is not list:
            raise bad_request("'inputs' must be an array of tensors")
        arrays: dict[str, Array] = {}
        for entry in entries:
            name = _name_of(entry, "input")
            if name in arrays:
                raise bad_request(f"input '{name}' is given twice")
            arrays[name] = self._array(name, entry)
        if len(arrays) != len(self._inputs):
            missing = ", ".join(f"'{name}'" for name in self._inputs if name not in arrays)
            raise bad_request(f"missing input {missing}")
        return arrays

    def _array(self, name: str, entry: dict[str, Any]) -> Array:
        known = self._inputs.get(name)
        if known is None:
            raise bad_request(f"unknown input '{name}'; the model's inputs are {', '.join(self._inputs)}")
        tensor, datatype = known
        if entry.get("datatype") != tensor.datatype:
            raise bad_request(f"input '{name}' has datatype {entry.get('datatype')}, the model's is {tensor.datatype}")
        data, shape = entry.get("data"), entry.get("shape")
        # A flat column is what nearly every request has; this short cut halves the time to read it.
        if tensor.shape == (-1,) and type(data) is list and shape == [len(data)]:
            return to_array(name, data, datatype)
        shape = _shape_of(name, shape, tensor)
        if type(data) is memoryview:
            array = binary.from_bytes(name, data, prod(shape), datatype)
        else:
            array = to_array(name, _flat(name, data, shape), datatype)
        return array if len(tensor.shape) == 1 else array.reshape(shape)

    def _requested(self, entries: Any) -> Sequence[str]:
        if not entries:
            return self._outputs
        if type(entries) is not list:
            raise bad_request("'outputs' must be an array of objects with a name")
        names = [_name_of(entry, "output") for entry in entries]
        unknown = [name for name in names if name not in self._outputs]
        if unknown:
            raise bad_request(f"unknown output '{unknown[0]}'; the model's outputs are {', '.join(self._outputs)}")
        return names


def encode(
    model: str,
    version: str,
    datatypes: Mapping[str, str],
    request: InferRequest,
    outputs: Mapping[str, Array],
) -> Response:
    """Data is flat in row-major order. In JSON a NaN is null, because JSON has no NaN."""
    response: dict[str, Any] = {"model_name": model, "model_version": version}
    if request.id is not None:
        response["id"] = request.id
    if request.binary:
        return _with_bytes(response, datatypes, request, outputs)
    response["outputs"] = [
        {
            "name": name,
            "datatype": datatypes[name],
            "shape": outputs[name].shape,
            "data": json_data(outputs[name].ravel()),
        }
        for name in request.outputs
    ]
    return Response(200, orjson.dumps(response, option=JSON_OPTIONS), rows=request.rows)


def _with_bytes(
    response: dict[str, Any], datatypes: Mapping[str, str], request: InferRequest, outputs: Mapping[str, Array]
) -> Response:
    tails = {name: binary.to_bytes(outputs[name], DATATYPES[datatypes[name]]) for name in request.binary}
    response["outputs"] = [
        {"name": name, "datatype": datatypes[name], "shape": outputs[name].shape}
        | (
            {"parameters": {"binary_data_size": len(tails[name])}}
            if name in tails
            else {"data": json_data(outputs[name].ravel())}
        )
        for name in request.outputs
    ]
    head = orjson.dumps(response, option=JSON_OPTIONS)
    size = (binary.SIZE_HEADER, b"%d" % len(head))
    body = b"".join([head, *(tails[name] for name in request.outputs if name in tails)])
    return Response(200, body, binary.CONTENT_TYPE, request.rows, headers=(size,))


def json_data(array: Array) -> Any:
    """What orjson writes for `array`: itself if of numbers, which keeps a float32 short."""
    return array.tolist() if array.dtype.kind in "OU" else np.ascontiguousarray(array)


def datatype_of(tensor: Tensor) -> Datatype:
    """Raises PackageError when the tensor is of a datatype that JSON cannot carry."""
    if tensor.datatype not in DATATYPES:
        raise PackageError(f"'{tensor.name}' has datatype {tensor.datatype}; served are {', '.join(DATATYPES)}.")
    return DATATYPES[tensor.datatype]


def common_rows(inputs: Mapping[str, Array]) -> int:
    """The rows that all inputs have. Raises RequestError (400) when they differ or there are none."""
    sizes = {len(array) for array in inputs.values()}
    if len(sizes) != 1:
        described = ", ".join(f"'{name}' {len(array)}" for name, array in inputs.items())
        raise bad_request(f"inputs differ in their number of rows: {described}")
    rows = sizes.pop()
    if rows == 0:
        raise bad_request("the request has no rows")
    return rows


def _id_of(request: Mapping[str, Any]) -> str | None:
    identifier = request.get("id")
    if identifier is not None and type(identifier) is not str:
        raise bad_request("'id' must be a string")
    return identifier


def _name_of(entry: Any, kind: str) -> str:
    if type(entry) is not dict or type(name := entry.get("name")) is not str:
        raise bad_request(f"every {kind} must be an object with a name")
    return name


def _shape_of(name: str, shape: Any, tensor: Tensor) -> list[int]:
    if type(shape) is not list or not all(type(size) is int and size >= 0 for size in shape):
        raise bad_request(f"input '{name}' must have a shape: an array of sizes")
    # MLServer's pandas codec sends a column as [n, 1]: the same values, so the same thing.
    found = shape[:1] if len(tensor.shape) == 1 and len(shape) == 2 and shape[1] == 1 else shape
    if len(found) != len(tensor.shape) or any(w not in (-1, s) for w, s in zip(tensor.shape, found, strict=True)):
        raise bad_request(f"input '{name}' has shape {shape}, the model's is {list(tensor.shape)}")
    return shape


def _flat(name: str, data: Any, shape: list[int]) -> list[Any]:
    if type(data) is not list:
        raise bad_request(f"input '{name}' must have its values in 'data', an array; bytes need {_BINARY}")
    if data and type(data[0]) is list:
        data = _unnest(name, data, shape)
    values: list[Any] = data
    if len(values) != prod(shape):
        raise bad_request(f"input '{name}' has shape {shape}, but {len(values)} values")
    return values


def _unnest(name: str, data: list[Any], shape: list[int]) -> list[Any]:
    if len(data) != shape[0]:
        raise bad_request(f"input '{name}' has shape {shape}, but {len(data)} rows")
    for size in shape[1:]:
        if not all(type(part) is list and len(part) == size for part in data):
            raise bad_request(f"input '{name}' has shape {shape}, but its nested data has another")
        data = list(chain.from_iterable(data))
    return data
