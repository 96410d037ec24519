import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from tests.serving import packages
from tests.serving.test_serving_app import MODEL, call, ready, settings_of

from millwright_serving import v2
from millwright_serving.app import App
from millwright_serving.datatypes import DATATYPES
from millwright_serving.errors import RequestError
from millwright_serving.package import Manifest, Signature, Tensor
from millwright_serving.settings import Comparison, PayloadLogging

Onnx = tuple[Path, Manifest, LogisticRegression]
TABLE = packages.rows(3, seed=9)
SIZE = "inference-header-content-length"

_INTEGERS = {
    name: st.integers(int(np.iinfo(one.dtype).min), int(np.iinfo(one.dtype).max))
    for name, one in DATATYPES.items()
    if "INT" in name
}
VALUES: dict[str, st.SearchStrategy[Any]] = _INTEGERS | {
    "BOOL": st.booleans(),
    "FP16": st.floats(width=16, allow_infinity=False),
    "FP32": st.floats(width=32, allow_infinity=False),
    "FP64": st.floats(allow_infinity=False),
    "BYTES": st.text(st.characters(exclude_categories=["Cs"])),
}


def as_bytes(datatype: str, values: list[Any]) -> bytes:
    """As the extension's page says, by another way than ours."""
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in values)
    codes = dict(zip(DATATYPES, "?BHIQbhiqefd", strict=False))
    return struct.pack(f"<{len(values)}{codes[datatype]}", *values)


def request(inputs: list[tuple[Tensor, list[int], list[Any]]], **more: Any) -> tuple[bytes, int]:
    """A body of bytes behind JSON, and how much of it is JSON."""
    tails = [as_bytes(tensor.datatype, values) for tensor, _, values in inputs]
    entries = [
        {"name": t.name, "datatype": t.datatype, "shape": shape, "parameters": {"binary_data_size": len(tail)}}
        for (t, shape, _), tail in zip(inputs, tails, strict=True)
    ]
    head = json.dumps({"inputs": entries, **more}).encode()
    return b"".join([head, *tails]), len(head)


def nan_as_null(values: list[Any]) -> list[Any]:
    return [None if isinstance(value, float) and value != value else value for value in values]


@st.composite
def tensors(draw: st.DrawFn) -> list[tuple[Tensor, list[int], list[Any]]]:
    """One to three inputs of the same number of rows, columns or matrices, of any datatype."""
    rows = draw(st.integers(1, 4))
    found = []
    for index in range(draw(st.integers(1, 3))):
        datatype, width = draw(st.sampled_from(list(VALUES))), draw(st.sampled_from([None, 1, 3]))
        shape = [rows] if width is None else [rows, width]
        count = rows * (width or 1)
        values = draw(st.lists(VALUES[datatype], min_size=count, max_size=count))
        found.append((Tensor(f"x{index}", datatype, (-1, *shape[1:])), shape, values))
    return found


@given(tensors())
def test_bytes_and_json_become_the_same_arrays(inputs: list[tuple[Tensor, list[int], list[Any]]]) -> None:
    parser = v2.RequestParser(Signature(tuple(tensor for tensor, _, _ in inputs), (Tensor("y", "FP64", (-1,)),)))
    entries = [
        {"name": t.name, "datatype": t.datatype, "shape": shape, "data": nan_as_null(values)}
        for t, shape, values in inputs
    ]

    of_json = parser.parse(json.dumps({"inputs": entries}).encode())
    of_bytes = parser.parse(*request(inputs))

    assert of_bytes.rows == of_json.rows and of_bytes.inputs.keys() == of_json.inputs.keys()
    for name, array in of_json.inputs.items():
        np.testing.assert_array_equal(of_bytes.inputs[name], array, strict=True)


@given(tensors(), st.data())
def test_answers_of_bytes_and_of_json_say_the_same(
    outputs: list[tuple[Tensor, list[int], list[Any]]], data: st.DataObject
) -> None:
    datatypes = {tensor.name: tensor.datatype for tensor, _, _ in outputs}
    arrays = {t.name: np.array(values, DATATYPES[t.datatype].dtype).reshape(shape) for t, shape, values in outputs}
    binary = data.draw(st.lists(st.sampled_from(list(arrays)), unique=True))
    asked = v2.InferRequest({}, 1, list(arrays))

    as_json = v2.encode("m", "1", datatypes, asked, arrays)
    mixed = v2.encode("m", "1", datatypes, asked._replace(binary=binary), arrays)

    expected = {output["name"]: output["data"] for output in json.loads(as_json.body)["outputs"]}
    headers = dict(mixed.headers)
    assert (SIZE.encode() in headers) == bool(binary)
    size = int(headers.get(SIZE.encode(), len(mixed.body)))
    position = size
    for output in json.loads(mixed.body[:size])["outputs"]:
        name, datatype = output["name"], output["datatype"]
        if name not in binary:
            assert output["data"] == expected[name]
            continue
        length = output["parameters"]["binary_data_size"]
        assert mixed.body[position : position + length] == as_bytes(datatype, arrays[name].ravel().tolist())
        position += length
    assert position == len(mixed.body)


X, N = Tensor("x", "FP64", (-1,)), Tensor("n", "BYTES", (-1,))
FLAG = Tensor("flag", "BOOL", (-1,))
ENTRY = {"name": "x", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 8}}
WORDS = ENTRY | {"name": "n", "datatype": "BYTES", "parameters": {"binary_data_size": 6}}
TRUTH = ENTRY | {"name": "flag", "datatype": "BOOL", "parameters": {"binary_data_size": 1}}


def with_size(size: Any) -> dict[str, Any]:
    return ENTRY | {"parameters": {"binary_data_size": size}}


MISTAKES: dict[str, tuple[Tensor, Any, bytes, str]] = {
    "too few bytes": (X, ENTRY, b"1234567", "binary_data_size must be the size of the tensor's bytes"),
    "bytes that nobody names": (X, ENTRY, b"123456789", "there are 9 bytes behind the JSON, but the inputs name 8"),
    "a negative size": (X, with_size(-1), b"", "binary_data_size must be"),
    "a size that is a word": (X, with_size("8"), b"12345678", "binary_data_size must be"),
    "data and bytes": (X, ENTRY | {"data": [1.0]}, b"12345678", "without 'data'"),
    "too few values": (X, ENTRY | {"shape": [2]}, b"12345678", "'x' has 8 bytes, but 2 values of FP64"),
    "a shape beyond all memory": (X, ENTRY | {"shape": [2**62]}, b"12345678", f"but {2**62} values of FP64"),
    "neither true nor false": (FLAG, TRUTH, b"\x02", "'flag' is BOOL: its bytes must be 0 or 1"),
    "a length past the end": (N, WORDS, b"\x03\0\0\0ab", "each value must be its length in 4 bytes, then UTF-8"),
    "half a length": (N, WORDS, b"\x00\0\0\0ab", "each value must be its length in 4 bytes, then UTF-8"),
    "no UTF-8": (N, WORDS, b"\x02\0\0\0\xff\xff", "each value must be its length in 4 bytes, then UTF-8"),
    "too many strings": (N, WORDS | {"shape": [2]}, b"\x02\0\0\0ab", "1 values in its bytes, but 2 in its shape"),
}


@pytest.mark.parametrize(("tensor", "entry", "tail", "reason"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_explained(tensor: Tensor, entry: Any, tail: bytes, reason: str) -> None:
    head = json.dumps({"inputs": [entry]}).encode()

    with pytest.raises(RequestError) as refused:
        v2.RequestParser(Signature((tensor,), (X,))).parse(head + tail, len(head))

    assert refused.value.status == 400 and reason in refused.value.message


@pytest.mark.parametrize(
    ("more", "binary"),
    [
        ({}, []),
        ({"parameters": {"binary_data_output": True}}, ["a", "b"]),
        ({"parameters": {"binary_data_output": False}}, []),
        ({"outputs": [{"name": "b", "parameters": {"binary_data": True}}, {"name": "a"}]}, ["b"]),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "a", "parameters": {"binary_data": False}}],
            },
            [],
        ),
        ({"parameters": {"binary_data_output": True}, "outputs": []}, ["a", "b"]),
    ],
)
def test_each_output_is_answered_as_it_is_asked_for(more: dict[str, Any], binary: list[str]) -> None:
    signature = Signature((X,), (Tensor("a", "FP64", (-1,)), Tensor("b", "FP64", (-1,))))

    parsed = v2.RequestParser(signature).parse(*request([(X, [1], [1.0])], **more))

    assert list(parsed.binary) == binary


@pytest.fixture
def app(onnx: Onnx) -> App:
    return ready(settings_of(*onnx[:2]))


def columns() -> tuple[bytes, int]:
    inputs = [(tensor, [3], TABLE[:, index].tolist()) for index, tensor in enumerate(packages.BY_COLUMN.inputs)]
    return request(inputs, parameters={"binary_data_output": True})


def test_a_server_takes_and_answers_bytes(app: App, onnx: Onnx) -> None:
    body, size = columns()

    answer = call(app, "POST", f"{MODEL}/infer", body, headers=((SIZE.encode(), str(size).encode()),))

    length = int(answer.headers[SIZE])
    probabilities = np.frombuffer(answer.body[length : length + 24], "<f4").reshape(3, 2)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
    np.testing.assert_allclose(probabilities, onnx[2].predict_proba(TABLE), atol=1e-6, rtol=0)
    assert np.frombuffer(answer.body[length + 24 :], "<i8").tolist() == onnx[2].predict(TABLE).tolist()


@pytest.mark.parametrize(
    ("path", "size"),
    [(f"{MODEL}/infer", "x"), (f"{MODEL}/infer", "-1"), (f"{MODEL}/infer", "100000"), ("/invocations", "10")],
)
def test_a_size_that_cannot_be_is_refused(app: App, path: str, size: str) -> None:
    answer = call(app, "POST", path, columns()[0], headers=((SIZE.encode(), size.encode()),))

    assert answer.status == 400


def test_bytes_are_in_the_payload_log_and_not_compared(onnx: Onnx, tmp_path: Path) -> None:
    logging = PayloadLogging(1.0, str(tmp_path / "log"))
    app = ready(replace(settings_of(*onnx[:2]), payload_logging=logging, comparison=Comparison("http://127.0.0.1:1")))
    body, size = columns()

    headers = ((SIZE.encode(), str(size).encode()), (b"x-request-id", b"r-1"))
    answer = call(app, "POST", f"{MODEL}/infer", body, headers=headers, port=Comparison.mirror_port)
    app.observer.close()

    registry = app.observer.metrics.registry
    assert (answer.headers["x-request-id"], SIZE in answer.headers) == ("r-1", True)
    assert registry.get_sample_value("millwright_serving_logged_total") == 1
    assert registry.get_sample_value("millwright_serving_comparisons_dropped_total") == 1
