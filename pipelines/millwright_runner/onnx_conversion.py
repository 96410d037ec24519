"""scikit-learn models as ONNX, with the inputs of a table: one per named column."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common import data_types
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from millwright_runner import tree_ensembles
from millwright_runner.outcome import Rejected
from millwright_runner.samples import Sample
from millwright_serving.datatypes import DATATYPES
from millwright_serving.package import Signature, Tensor

OPSETS = {"": 21, tree_ensembles.ML_DOMAIN: tree_ensembles.SKL2ONNX_ML_OPSET}
MATRIX = "input"


@dataclass(frozen=True)
class ColumnType:
    """How one kind of column is written in V2, in skl2onnx and in ONNX."""

    datatype: str
    skl2onnx: Any
    onnx: int


COLUMN_TYPES = {
    "FP64": ColumnType("FP64", data_types.DoubleTensorType, TensorProto.DOUBLE),
    "FP32": ColumnType("FP32", data_types.FloatTensorType, TensorProto.FLOAT),
    "INT64": ColumnType("INT64", data_types.Int64TensorType, TensorProto.INT64),
    "INT32": ColumnType("INT32", data_types.Int32TensorType, TensorProto.INT32),
    "BOOL": ColumnType("BOOL", data_types.BooleanTensorType, TensorProto.BOOL),
    "BYTES": ColumnType("BYTES", data_types.StringTensorType, TensorProto.STRING),
}
V2_OF_ONNX = {
    "tensor(double)": "FP64",
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
    **{f"tensor({kind}{bits})": f"{kind.upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}


def convert(model: Any, sample: Sample) -> bytes:
    """The model as serialized ONNX. Raises whatever skl2onnx raises where it has no converter.

    A classifier gives `label` [rows] and `probabilities` [rows, classes], a regressor `prediction` [rows, 1].
    """
    tree_ensembles.register()
    if not sample.has_columns or _selects_columns(model):
        types = [(t.name, _declared(t)) for t in sample.inputs]
        converted = _convert(model, types)
    else:
        width = len(sample.inputs)
        converted = _convert(model, [(MATRIX, data_types.DoubleTensorType([None, width]))])
        _take_columns(converted, sample.inputs)
    tree_ensembles.raise_opset(converted)
    return bytes(converted.SerializeToString())


def signature(session: onnxruntime.InferenceSession, inputs: tuple[Tensor, ...] | None = None) -> Signature:
    """What an ONNX model takes and gives in V2 terms; `inputs` where more is known than ONNX tells.

    Raises `Rejected` (UnsupportedModel) if that is no tensor that V2 has in JSON.
    """
    return Signature(inputs or tuple(map(_tensor, session.get_inputs())), tuple(map(_tensor, session.get_outputs())))


def read(path: Path) -> bytes:
    """The model of a file, with weights that are in other files beside it: a package has one file."""
    model = onnx.load(str(path), load_external_data=False)
    if not any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        return path.read_bytes()
    return bytes(onnx.load(str(path)).SerializeToString())


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """ONNX Runtime on one core, silent about what it optimizes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def predict(session: onnxruntime.InferenceSession, sample: Sample) -> dict[str, Any]:
    """The model's outputs for the sample, by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, _feeds(session.get_inputs(), sample)), strict=True))


def _feeds(nodes: list[Any], sample: Sample) -> dict[str, Any]:
    """The rows in the types of the model's inputs: all in its only one if that is a matrix, or one column in each."""
    if len(nodes) == 1 and _tensor(nodes[0]).shape != (-1,):
        return {nodes[0].name: sample.matrix().astype(_dtype(nodes[0]))}
    columns = sample.columns()
    if unfit := [node.name for node in nodes if node.name not in columns or _tensor(node).shape != (-1,)]:
        raise ValueError(f"the model's input {unfit[0]} is no column of the sample")
    return {node.name: columns[node.name].astype(_dtype(node)).reshape([-1, *node.shape[1:]]) for node in nodes}


def _dtype(node: Any) -> Any:
    return DATATYPES[V2_OF_ONNX[node.type]].dtype


def _convert(model: Any, types: list[tuple[str, Any]]) -> ModelProto:
    classifier = is_classifier(model)
    options = {id(model): {"zipmap": False}} if classifier else None
    names = ["label", "probabilities"] if classifier else ["prediction"]
    return _renamed(convert_sklearn(model, initial_types=types, options=options, target_opset=OPSETS), names)


def _renamed(model: ModelProto, names: list[str]) -> ModelProto:
    """Give the outputs the contract's names, whatever the converter called them."""
    new = dict(zip([output.name for output in model.graph.output], names, strict=True))
    for node in model.graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for output in model.graph.output:
        output.name = new[output.name]
    return model


def _take_columns(model: ModelProto, columns: tuple[Tensor, ...]) -> None:
    """Replace the matrix input by one input [rows, 1] per column, put side by side as doubles."""
    del model.graph.input[:]
    model.graph.input.extend(
        helper.make_tensor_value_info(t.name, COLUMN_TYPES[t.datatype].onnx, [None, 1]) for t in columns
    )
    doubles = [f"{t.name}_as_double" for t in columns]
    nodes = [
        helper.make_node("Cast", [t.name], [double], to=TensorProto.DOUBLE)
        for t, double in zip(columns, doubles, strict=True)
    ]
    nodes.append(helper.make_node("Concat", doubles, [MATRIX], axis=1))
    following = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes + following)


def _selects_columns(model: Any) -> bool:
    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    return isinstance(first, ColumnTransformer)


def _declared(tensor: Tensor) -> Any:
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1
    return COLUMN_TYPES[tensor.datatype].skl2onnx([None, width])


def _tensor(node: Any) -> Tensor:
    if node.type not in V2_OF_ONNX:
        hint = " Convert it with zipmap=False." if node.type.startswith("seq(map(") else ""
        raise Rejected("UnsupportedModel", f"The ONNX model's {node.name} is {node.type}, which is not served.{hint}")
    shape = tuple(size if isinstance(size, int) and index else -1 for index, size in enumerate(node.shape))
    # One value per row is [rows] in the contract.
    return Tensor(node.name, V2_OF_ONNX[node.type], shape[:1] if shape[1:] == (1,) else shape)
