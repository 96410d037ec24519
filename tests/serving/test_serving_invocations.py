import json
from typing import Any

import numpy as np
import pytest

from millwright_serving import invocations
from millwright_serving.errors import RequestError
from millwright_serving.package import Signature, Tensor

LABEL = (Tensor("probabilities", "FP32", (-1, 2)), Tensor("label", "INT64", (-1,)))
COLUMNS = Signature((Tensor("x", "FP64", (-1,)), Tensor("c", "BYTES", (-1,))), LABEL)
MATRIX = Signature((Tensor("input", "FP64", (-1, 2)),), LABEL)


def parse(signature: Signature, body: Any) -> dict[str, Any]:
    request = invocations.InvocationParser(signature).parse(json.dumps(body).encode())
    return {name: array.tolist() for name, array in request.inputs.items()}


BY_COLUMN: dict[str, Any] = {
    "split": {"dataframe_split": {"columns": ["c", "x"], "data": [["a", 1], ["b", 2.5]]}},
    "split with an index": {
        "dataframe_split": {"index": [0, 1], "columns": ["c", "x"], "data": [["a", 1], ["b", 2.5]]}
    },
    "split with a column the model does not know": {
        "dataframe_split": {"columns": ["z", "c", "x"], "data": [[0, "a", 1], [0, "b", 2.5]]}
    },
    "records": {"dataframe_records": [{"x": 1, "c": "a"}, {"c": "b", "x": 2.5}]},
    "instances as objects": {"instances": [{"x": 1, "c": "a"}, {"x": 2.5, "c": "b"}]},
    "instances as rows": {"instances": [[1, "a"], [2.5, "b"]]},
    "inputs as columns": {"inputs": {"x": [1, 2.5], "c": ["a", "b"]}},
    "inputs as rows": {"inputs": [[1, "a"], [2.5, "b"]]},
}


@pytest.mark.parametrize("body", BY_COLUMN.values(), ids=BY_COLUMN.keys())
def test_every_form_delivers_the_same_columns(body: Any) -> None:
    assert parse(COLUMNS, body) == {"x": [1.0, 2.5], "c": ["a", "b"]}


BY_MATRIX: dict[str, Any] = {
    "split": {"dataframe_split": {"columns": [0, 1], "data": [[1, 2], [3, 4]]}},
    "records": {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
    "instances": {"instances": [[1, 2], [3, 4]]},
    "inputs as rows": {"inputs": [[1, 2], [3, 4]]},
    "inputs by name": {"inputs": {"input": [[1, 2], [3, 4]]}},
}


@pytest.mark.parametrize("body", BY_MATRIX.values(), ids=BY_MATRIX.keys())
def test_every_form_delivers_the_same_matrix(body: Any) -> None:
    assert parse(MATRIX, body) == {"input": [[1.0, 2.0], [3.0, 4.0]]}


def test_a_single_column_may_come_as_bare_values() -> None:
    signature = Signature((Tensor("x", "FP64", (-1,)),), LABEL)

    assert parse(signature, {"instances": [1, 2]}) == {"x": [1.0, 2.0]}


MISTAKES: dict[str, tuple[Signature, Any, str]] = {
    "no form": (COLUMNS, {}, "exactly one of dataframe_split"),
    "two forms": (COLUMNS, {"inputs": [], "instances": []}, "exactly one of"),
    "an unknown key": (COLUMNS, {"inputs": [], "params": {}}, "nothing else"),
    "a missing column": (COLUMNS, {"dataframe_split": {"columns": ["x"], "data": [[1]]}}, "missing column 'c'"),
    "a record without a column": (COLUMNS, {"dataframe_records": [{"x": 1}]}, "missing column 'c'"),
    "split without columns": (COLUMNS, {"dataframe_split": {"data": []}}, "columns and data"),
    "a row that is too short": (
        COLUMNS,
        {"dataframe_split": {"columns": ["x", "c"], "data": [[1]]}},
        "rows of 2 values",
    ),
    "records that are no array": (COLUMNS, {"dataframe_records": {"x": 1}}, "must be an array of objects"),
    "mixed instances": (COLUMNS, {"instances": [{"x": 1, "c": "a"}, 3]}, "must be an array of objects"),
    "columns that are no arrays": (COLUMNS, {"inputs": {"x": 1, "c": "a"}}, "each an array"),
    "columns of differing length": (COLUMNS, {"inputs": {"x": [1], "c": ["a", "b"]}}, "differ in their number"),
    "a wrong kind of value": (COLUMNS, {"inputs": {"x": ["1"], "c": ["a"]}}, "numbers or null, not a string"),
    "no rows": (COLUMNS, {"dataframe_records": []}, "no rows"),
    "a matrix that is too narrow": (MATRIX, {"inputs": [[1], [2]]}, "every row must have 2 values"),
    "a matrix without rows": (MATRIX, {"inputs": []}, "no rows"),
    "a matrix by another name": (MATRIX, {"inputs": {"z": [[1, 2]]}}, "must hold an array of rows"),
}


@pytest.mark.parametrize(("signature", "body", "reason"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_explained(signature: Signature, body: Any, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(signature, body)

    assert refused.value.status == 400
    assert reason in refused.value.message


def test_predictions_are_the_label_where_there_is_one() -> None:
    request = invocations.InvocationParser(MATRIX).parse(b'{"inputs": [[1, 2]]}')
    outputs = {"probabilities": np.array([[0.25, 0.75]], dtype=np.float32), "label": np.array([1])}

    assert invocations.encode(request, outputs).body == b'{"predictions":[1]}'


def test_predictions_are_the_only_output_of_a_regressor() -> None:
    signature = Signature(MATRIX.inputs, (Tensor("y", "FP32", (-1, 2)),))
    request = invocations.InvocationParser(signature).parse(b'{"inputs": [[1, 2]]}')

    assert invocations.encode(request, {"y": np.array([[0.5, 2]])}).body == b'{"predictions":[[0.5,2.0]]}'
