"""ONNX models, by ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from millwright_serving.datatypes import Array
from millwright_serving.models.outputs import conform
from millwright_serving.package import PackageError, Signature, Tensor

_DTYPES: Mapping[str, type[Any]] = {
    "tensor(bool)": np.bool_, "tensor(string)": np.object_,
    "tensor(float16)": np.float16, "tensor(float)": np.float32, "tensor(double)": np.float64,
    "tensor(int8)": np.int8, "tensor(int16)": np.int16, "tensor(int32)": np.int32, "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8, "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32, "tensor(uint64)": np.uint64,
}  # fmt: skip


class OnnxModel:
    """One session; `threads` are those within one operator (the pod has about one core, so 1 is fastest).

    `arena`: memory that the session keeps for itself, some 200 KiB at least.
    """

    def __init__(self, path: Path, signature: Signature, threads: int = 1, arena: bool = True) -> None:
        self._session = _open_session(path, threads, arena)
        nodes = {node.name: node for node in self._session.get_inputs()}
        _require("input", [t.name for t in signature.inputs], list(nodes), exact=True)
        _require("output", [t.name for t in signature.outputs], [o.name for o in self._session.get_outputs()])
        self._feeds = [(t.name, *_form(t, nodes[t.name])) for t in signature.inputs]
        self._outputs = signature.outputs
        self._names = [tensor.name for tensor in signature.outputs]

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        feed = {}
        for name, dtype, as_column in self._feeds:
            array = inputs[name].astype(dtype, copy=False)
            feed[name] = array[:, None] if as_column else array
        values = self._session.run(self._names, feed)
        return {tensor.name: conform(value, tensor) for tensor, value in zip(self._outputs, values, strict=True)}


def _open_session(path: Path, threads: int, arena: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = arena
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors: ONNX Runtime's warnings are not JSON lines
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no other base
        raise PackageError(f"ONNX Runtime cannot load {path.name}: {error}") from error


def _require(kind: str, wanted: list[str], found: list[str], exact: bool = False) -> None:
    if not set(wanted) <= set(found) or (exact and len(wanted) != len(found)):
        raise PackageError(
            f"The signature's {kind}s are {', '.join(wanted)}, those of the ONNX model {', '.join(found)}."
        )


def _form(tensor: Tensor, node: Any) -> tuple[np.dtype[Any], bool]:
    """The dtype that the session takes, and whether it wants the signature's [rows] as [rows, 1]."""
    if node.type not in _DTYPES:
        raise PackageError(f"The ONNX model's input {node.name} is {node.type}, which is not served.")
    return np.dtype(_DTYPES[node.type]), len(tensor.shape) == 1 and len(node.shape) == 2
