"""A tiny ONNX model, written as protobuf by hand: the dev environment has no `onnx`.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import struct
import timeit
from collections.abc import Sequence

import numpy as np
import onnxruntime

FLOAT, INT64 = 1, 7
_F_FLOATS, _F_INTS, _F_INT, _F_STRING = 6, 7, 2, 3


def classifier(columns: Sequence[str], coefficients: np.ndarray, intercept: float) -> bytes:
    """Binary logistic regression over `columns`, each a float [rows, 1], as skl2onnx would write it."""
    return _classifier(columns, coefficients, intercept)


def brittle_classifier(columns: Sequence[str], coefficients: np.ndarray, intercept: float) -> bytes:
    """The same, and it fails where the first column is no number of a column."""
    nodes = [
        _node("Cast", [columns[0]], ["number"], [_int("to", INT64)], ""),
        _node("GatherElements", ["table", "number"], ["chosen"], [_int("axis", 1)], ""),
    ]
    return _classifier(columns, coefficients, intercept, nodes, [_value("chosen", FLOAT, 1)])


def slow_classifier(columns: Sequence[str], coefficients: np.ndarray, intercept: float, milliseconds: float) -> bytes:
    """The same, and it multiplies matrices, so large that this machine takes that long for it; of one row only."""
    for size in range(1000, 6000, 250):
        content = _multiplying_classifier(columns, coefficients, intercept, size)
        if _milliseconds(content) >= milliseconds:
            return content
    raise ValueError(f"no matrix keeps this machine busy for {milliseconds} ms")


def _multiplying_classifier(columns: Sequence[str], coefficients: np.ndarray, intercept: float, size: int) -> bytes:
    nodes = [
        _node("Constant", [], ["shape"], [_ints("value_ints", [size, size])], ""),
        _node("Expand", [columns[0], "shape"], ["matrix"], [], ""),
        _node("MatMul", ["matrix", "matrix"], ["product"], [], ""),
        _node("ReduceMax", ["product"], ["largest"], [], ""),
    ]
    return _classifier(columns, coefficients, intercept, nodes, [_value("largest", FLOAT, 1)])


def _milliseconds(content: bytes) -> float:
    """How long an answer takes, the fastest of some: the machine may be busy with other things."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    row = {column.name: np.ones((1, 1), np.float32) for column in session.get_inputs()}
    return 1000 * min(timeit.repeat(lambda: session.run(None, row), number=1, repeat=5))


def _classifier(
    columns: Sequence[str],
    coefficients: np.ndarray,
    intercept: float,
    more_nodes: Sequence[bytes] = (),
    more_outputs: Sequence[bytes] = (),
) -> bytes:
    weights = [*(-coefficients), *coefficients]
    linear = [
        _floats("coefficients", weights),
        _floats("intercepts", [-intercept, intercept]),
        _ints("classlabels_ints", [0, 1]),
        _string("post_transform", "LOGISTIC"),
    ]
    nodes = [
        _node("Concat", columns, ["table"], [_int("axis", 1)], ""),
        _node("LinearClassifier", ["table"], ["label", "probabilities"], linear, "ai.onnx.ml"),
        *more_nodes,
    ]
    inputs = [_value(name, FLOAT, 1) for name in columns]
    outputs = [_value("label", INT64), _value("probabilities", FLOAT, 2), *more_outputs]
    graph = _many(1, nodes) + _message(2, b"classifier") + _many(11, inputs) + _many(12, outputs)
    opsets = _message(8, _message(1, b"") + _number(2, 17)) + _message(8, _message(1, b"ai.onnx.ml") + _number(2, 3))
    return _number(1, 8) + _message(7, graph) + opsets


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _many(field: int, contents: Sequence[bytes]) -> bytes:
    return b"".join(_message(field, content) for content in contents)


def _attribute(name: str, kind: int, value: bytes) -> bytes:
    return _message(1, name.encode()) + value + _number(20, kind)


def _floats(name: str, values: Sequence[float]) -> bytes:
    return _attribute(name, _F_FLOATS, _message(7, struct.pack(f"<{len(values)}f", *values)))


def _ints(name: str, values: Sequence[int]) -> bytes:
    return _attribute(name, _F_INTS, b"".join(_number(8, value) for value in values))


def _int(name: str, value: int) -> bytes:
    return _attribute(name, _F_INT, _number(3, value))


def _string(name: str, value: str) -> bytes:
    return _attribute(name, _F_STRING, _message(4, value.encode()))


def _node(op: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Sequence[bytes], domain: str) -> bytes:
    names = _many(1, [i.encode() for i in inputs]) + _many(2, [o.encode() for o in outputs])
    return names + _message(4, op.encode()) + _many(5, attributes) + _message(7, domain.encode())


def _value(name: str, kind: int, width: int | None = None) -> bytes:
    rows = _message(1, _message(2, b"rows"))
    shape = rows if width is None else rows + _message(1, _number(1, width))
    return _message(1, name.encode()) + _message(2, _message(1, _number(1, kind) + _message(2, shape)))
