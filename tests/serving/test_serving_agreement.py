import json
from typing import Any

import pytest

from millwright_serving.agreement import agree

LABEL = {"name": "label", "datatype": "INT64", "shape": [1], "data": [1]}


def infer(*outputs: Any) -> bytes:
    return json.dumps({"model_name": "m", "model_version": "1", "outputs": outputs}).encode()


def predictions(value: Any) -> bytes:
    return json.dumps({"predictions": value}).encode()


ANSWERS: dict[str, tuple[bytes, bytes, bool]] = {
    "the same labels": (infer(LABEL), infer(LABEL | {"shape": [1, 1]}), True),
    "other labels": (infer(LABEL), infer(LABEL | {"data": [0]}), False),
    "labels that are words": (predictions(["a"]), predictions(["b"]), False),
    "another output": (infer(LABEL), infer(LABEL, {"name": "p", "data": [0.5]}), False),
    "numbers within rtol": (predictions([100.0]), predictions([104.0]), True),
    "numbers past rtol": (predictions([100.0]), predictions([106.0]), False),
    "numbers within atol": (predictions([[0.01, 0.99]]), predictions([[0.05, 0.95]]), True),
    "a whole number for a fraction": (predictions([1.0]), predictions([1]), True),
    "whole numbers are labels": (predictions([100]), predictions([101]), False),
    "other rows": (predictions([1.0]), predictions([1.0, 1.0]), False),
    "no number on both sides": (predictions([None]), predictions([None]), True),
    "no number on one side": (predictions([None]), predictions([1.0]), False),
}


@pytest.mark.parametrize(("one", "other", "same"), ANSWERS.values(), ids=ANSWERS.keys())
def test_answers_agree_by_labels_and_closeness(one: bytes, other: bytes, same: bool) -> None:
    assert agree(one, other, rtol=0.05, atol=0.04) is same


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"outputs": [1]}', b'{"error": "x"}'])
def test_what_is_no_answer_is_told(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        agree(predictions([1]), body, 0.0, 0.0)
