"""MLflow's scoring protocol (`POST /invocations`, JSON): bodies to arrays, and predictions to a body. Pure.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/, "Inference Server Specification".
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from millwright_serving.datatypes import Array, to_array
from millwright_serving.errors import bad_request
from millwright_serving.jsonbody import parse_object
from millwright_serving.package import Signature
from millwright_serving.responses import Response
from millwright_serving.v2 import JSON_OPTIONS, InferRequest, common_rows, datatype_of, json_data

Columns = dict[str, list[Any]]


class InvocationParser:
    """Reads invocations for one signature: named columns, or the single tensor `input` of shape [-1, n]."""

    def __init__(self, signature: Signature) -> None:
        self._tensors = [(tensor, datatype_of(tensor)) for tensor in signature.inputs]
        self._matrix = len(self._tensors) == 1 and len(signature.inputs[0].shape) == 2
        self._output = prediction_of(signature)

    def parse(self, body: bytes, json_size: int | None = None) -> InferRequest:
        """Raises RequestError (400) that says what is wrong with the request."""
        if json_size is not None:
            raise bad_request("bytes behind the JSON are for V2 requests only")
        form, value = _form_of(parse_object(body))
        inputs = self._from_matrix(form, value) if self._matrix else self._from_columns(form, value)
        return InferRequest(inputs, common_rows(inputs), (self._output,))

    def _from_columns(self, form: str, value: Any) -> dict[str, Array]:
        columns = _READERS[form](value, [tensor.name for tensor, _ in self._tensors])
        missing = [tensor.name for tensor, _ in self._tensors if tensor.name not in columns]
        if missing:
            raise bad_request(f"missing column '{missing[0]}'")
        # A column that the model doesn't know is ignored, as MLflow does.
        return {t.name: to_array(t.name, columns[t.name], datatype) for t, datatype in self._tensors}

    def _from_matrix(self, form: str, value: Any) -> dict[str, Array]:
        tensor, datatype = self._tensors[0]
        rows, width = _rows_of(form, value, tensor.name), tensor.shape[1]
        if not all(type(row) is list and width in (-1, len(row)) for row in rows):
            raise bad_request(f"every row must have {width} values")
        flat = to_array(tensor.name, [item for row in rows for item in row], datatype)
        return {tensor.name: flat.reshape(len(rows), -1) if rows else flat}


def encode(request: InferRequest, outputs: Mapping[str, Array]) -> Response:
    """`{"predictions": [...]}` with what the model's `predict` returned, nested as that was."""
    body = orjson.dumps({"predictions": json_data(outputs[request.outputs[0]])}, option=JSON_OPTIONS)
    return Response(200, body, rows=request.rows)


def prediction_of(signature: Signature) -> str:
    """The output that `predict` returns: a classifier's `label`, or a regressor's only one."""
    names = [tensor.name for tensor in signature.outputs]
    return "label" if "label" in names else names[0]


def _form_of(request: dict[str, Any]) -> tuple[str, Any]:
    forms = [key for key in request if key in _READERS]
    unknown = [key for key in request if key not in _READERS]
    if len(forms) != 1 or unknown:
        raise bad_request(f"the body must have exactly one of {', '.join(_READERS)}, and nothing else")
    return forms[0], request[forms[0]]


def _split(value: Any, _names: list[str]) -> Columns:
    if type(value) is not dict or type(columns := value.get("columns")) is not list:
        raise bad_request("dataframe_split must be an object with columns and data")
    rows = value.get("data")
    if type(rows) is not list or not all(type(row) is list and len(row) == len(columns) for row in rows):
        raise bad_request(f"dataframe_split's data must be rows of {len(columns)} values")
    return {str(name): [row[index] for row in rows] for index, name in enumerate(columns)}


def _records(value: Any, names: list[str]) -> Columns:
    if type(value) is not list or not all(type(row) is dict for row in value):
        raise bad_request("the records must be an array of objects, one for each row")
    for name in names:
        if not all(name in row for row in value):
            raise bad_request(f"missing column '{name}' in at least one row")
    return {name: [row[name] for row in value] for name in names}


def _instances(value: Any, names: list[str]) -> Columns:
    if type(value) is list and value and type(value[0]) is not dict:
        rows = value if type(value[0]) is list else [[item] for item in value]
        return _split({"columns": names, "data": rows}, names)
    return _records(value, names)


def _inputs(value: Any, names: list[str]) -> Columns:
    if type(value) is not dict:
        return _instances(value, names)
    if not all(type(column) is list for column in value.values()):
        raise bad_request("inputs must be an object of columns, each an array of values")
    return value


_READERS: Mapping[str, Callable[[Any, list[str]], Columns]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}


def _rows_of(form: str, value: Any, name: str) -> list[Any]:
    """The rows of a matrix. A model that was trained on one has no column names: only their order counts."""
    if form == "dataframe_split":
        _split(value, [])
        return list(value["data"])
    if form == "inputs" and type(value) is dict:
        value = value.get(name)
    if type(value) is not list:
        raise bad_request(f"{form} must hold an array of rows")
    return [list(row.values()) if type(row) is dict else row for row in value]
