import json
from typing import Any

import numpy as np
import pytest

from millwright_serving import v2
from millwright_serving.datatypes import DATATYPES
from millwright_serving.errors import RequestError
from millwright_serving.package import PackageError, Signature, Tensor

TWO_COLUMNS = Signature(
    (Tensor("x", "FP64", (-1,)), Tensor("n", "INT64", (-1,))),
    (Tensor("probabilities", "FP32", (-1, 2)), Tensor("label", "INT64", (-1,))),
)
MATRIX = Signature((Tensor("input", "FP32", (-1, 2)),), (Tensor("y", "FP32", (-1,)),))

X = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.5]}
N = {"name": "n", "shape": [1], "datatype": "INT64", "data": [7]}
INPUT = {"name": "input", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}


def parse(signature: Signature, body: Any) -> v2.InferRequest:
    return v2.RequestParser(signature).parse(body if isinstance(body, bytes) else json.dumps(body).encode())


def single(datatype: str, data: list[Any]) -> np.ndarray:
    """`data` as a request for a model with one column of `datatype` delivers it."""
    signature = Signature((Tensor("x", datatype, (-1,)),), MATRIX.outputs)
    entry = {"name": "x", "shape": [len(data)], "datatype": datatype, "data": data}
    return parse(signature, {"inputs": [entry]}).inputs["x"]


def test_a_request_becomes_arrays_by_name_with_its_id_and_all_outputs() -> None:
    request = parse(TWO_COLUMNS, {"id": "a", "parameters": {"k": 1}, "inputs": [N, X]})

    assert (request.id, request.rows, list(request.outputs)) == ("a", 1, ["probabilities", "label"])
    assert request.inputs["x"].dtype == np.float64 and request.inputs["x"].tolist() == [1.5]
    assert request.inputs["n"].dtype == np.int64 and request.inputs["n"].tolist() == [7]


def test_the_outputs_asked_for_are_the_ones_to_answer() -> None:
    assert parse(TWO_COLUMNS, {"inputs": [X, N], "outputs": [{"name": "label"}]}).outputs == ["label"]


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]], ids=["flat", "nested"])
def test_a_matrix_may_come_flat_or_nested(data: Any) -> None:
    array = parse(MATRIX, {"inputs": [INPUT | {"data": data}]}).inputs["input"]

    assert array.dtype == np.float32 and array.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("data", [[1.5, 2.5], [[1.5], [2.5]]], ids=["flat", "nested"])
def test_a_column_may_come_as_rows_by_one(data: Any) -> None:
    entries = [X | {"shape": [2, 1], "data": data}, N | {"shape": [2], "data": [1, 2]}]

    assert parse(TWO_COLUMNS, {"inputs": entries}).inputs["x"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("UINT16", [0, 2**16 - 1]),
        ("UINT32", [0, 2**32 - 1]),
        ("UINT64", [0, 2**64 - 1]),
        ("INT8", [-128, 127]),
        ("INT16", [-(2**15), 2**15 - 1]),
        ("INT32", [-(2**31), 2**31 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("FP16", [0.5, 65504]),
        ("FP32", [0.5, 2.0**127]),
        ("FP64", [0.1, 1e308]),
        ("BYTES", ["", "Zürich"]),
    ],
)
def test_every_datatype_keeps_its_extremes(datatype: str, data: list[Any]) -> None:
    array = single(datatype, data)

    assert array.dtype == DATATYPES[datatype].dtype
    assert array.tolist() == data


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_null_is_a_missing_number(datatype: str) -> None:
    assert np.isnan(single(datatype, [None, 1.0])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("datatype", "data", "reason"),
    [
        ("INT64", [1.5], "integers, not a number with a fraction"),
        ("INT64", [True], "integers, not true or false"),
        ("INT64", [None], "integers, not null"),
        ("INT64", ["1"], "integers, not a string"),
        ("FP64", ["1"], "numbers or null, not a string"),
        ("FP64", [False], "numbers or null, not true or false"),
        ("FP64", [{}], "not an object"),
        ("FP64", [1.0, [2.0]], "not an array"),
        ("BOOL", [1], "true or false, not an integer"),
        ("BYTES", [None], "strings, not null"),
        ("UINT8", [256], "out of the range of UINT8"),
        ("UINT8", [-1], "out of the range of UINT8"),
        ("INT64", [2**63], "out of the range of INT64"),
        ("FP16", [1e6], "out of the range of FP16"),
        ("FP32", [1e39], "out of the range of FP32"),
    ],
)
def test_a_value_of_another_kind_is_refused(datatype: str, data: list[Any], reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        single(datatype, data)

    assert refused.value.status == 400
    assert reason in refused.value.message


MISTAKES: dict[str, tuple[Signature, Any, str]] = {
    "malformed JSON": (TWO_COLUMNS, b"{", "not valid JSON"),
    "not an object": (TWO_COLUMNS, b"[]", "must be a JSON object"),
    "NaN": (TWO_COLUMNS, b'{"inputs": [NaN]}', "NaN and Infinity are not valid JSON; send null"),
    "Infinity": (TWO_COLUMNS, b'{"inputs": [-Infinity]}', "NaN and Infinity are not valid JSON"),
    "a broken body with NaN in a string": (TWO_COLUMNS, b'{"id": "NaN", ', "the body is not valid JSON"),
    "no inputs": (TWO_COLUMNS, {}, "'inputs' must be an array"),
    "an input without a name": (TWO_COLUMNS, {"inputs": [{}]}, "every input must be an object with a name"),
    "a missing input": (TWO_COLUMNS, {"inputs": [X]}, "missing input 'n'"),
    "an unknown input": (TWO_COLUMNS, {"inputs": [X | {"name": "z"}]}, "unknown input 'z'"),
    "an input given twice": (TWO_COLUMNS, {"inputs": [X, X]}, "'x' is given twice"),
    "a wrong datatype": (
        TWO_COLUMNS,
        {"inputs": [X | {"datatype": "FP32"}, N]},
        "has datatype FP32, the model's is FP64",
    ),
    "no shape": (TWO_COLUMNS, {"inputs": [X | {"shape": None}, N]}, "must have a shape"),
    "a negative size": (TWO_COLUMNS, {"inputs": [X | {"shape": [-1]}, N]}, "must have a shape"),
    "no data": (TWO_COLUMNS, {"inputs": [X | {"data": None}, N]}, "bytes need binary_data_size, and the header"),
    "too few values": (TWO_COLUMNS, {"inputs": [X | {"shape": [2]}, N]}, "has shape [2], but 1 values"),
    "another rank": (TWO_COLUMNS, {"inputs": [X | {"shape": [1, 2]}, N]}, "the model's is [-1]"),
    "another width": (MATRIX, {"inputs": [INPUT | {"shape": [4, 1]}]}, "the model's is [-1, 2]"),
    "ragged data": (MATRIX, {"inputs": [INPUT | {"data": [[1, 2], [3]]}]}, "nested data has another"),
    "too many rows": (MATRIX, {"inputs": [INPUT | {"data": [[1, 2], [3, 4], [5, 6]]}]}, "but 3 rows"),
    "differing batch sizes": (
        TWO_COLUMNS,
        {"inputs": [X | {"shape": [2], "data": [1, 2]}, N]},
        "differ in their number of rows: 'x' 2, 'n' 1",
    ),
    "no rows": (MATRIX, {"inputs": [INPUT | {"shape": [0, 2], "data": []}]}, "no rows"),
    "an unknown output": (TWO_COLUMNS, {"inputs": [X, N], "outputs": [{"name": "z"}]}, "unknown output 'z'"),
    "outputs that are no array": (TWO_COLUMNS, {"inputs": [X, N], "outputs": {"name": "label"}}, "'outputs' must"),
    "an id that is no string": (TWO_COLUMNS, {"id": 1, "inputs": [X, N]}, "'id' must be a string"),
}


@pytest.mark.parametrize(("signature", "body", "reason"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_explained(signature: Signature, body: Any, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(signature, body)

    assert refused.value.status == 400
    assert reason in refused.value.message


def test_a_response_carries_the_model_the_id_and_flat_data() -> None:
    request = v2.InferRequest({}, 2, ("p", "s"), "abc")
    outputs = {
        "p": np.array([[0.1, 0.9], [np.nan, 1]], dtype=np.float32),
        "s": np.array(["a", "b"], dtype=object),
    }

    answer = v2.encode("m", "3", {"p": "FP32", "s": "BYTES"}, request, outputs)

    assert json.loads(answer.body) == {
        "model_name": "m",
        "model_version": "3",
        "id": "abc",
        "outputs": [
            {"name": "p", "datatype": "FP32", "shape": [2, 2], "data": [0.1, 0.9, None, 1.0]},
            {"name": "s", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]},
        ],
    }


def test_a_response_without_an_id_has_none() -> None:
    answer = v2.encode("m", "3", {}, v2.InferRequest({}, 1, ()), {})

    assert json.loads(answer.body) == {"model_name": "m", "model_version": "3", "outputs": []}


def test_a_signature_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(PackageError, match="BF16"):
        v2.RequestParser(Signature((Tensor("x", "BF16", (-1,)),), ()))
