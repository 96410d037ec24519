import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from sklearn.linear_model import LogisticRegression
from tests.serving import packages
from tests.serving.test_serving_app import MODEL, call, infer_body, ready, settings_of

from millwright_serving.batching import Batcher, Inputs, Outputs
from millwright_serving.package import Manifest
from millwright_serving.settings import Batching

BAD = -1.0
Onnx = tuple[Path, Manifest, LogisticRegression]


class Doubling:
    """Predicts twice the input, refuses what is BAD, and keeps how many rows it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def __call__(self, inputs: Inputs, rows: int) -> Outputs:
        self.asked.append(rows)
        assert len(inputs["x"]) == rows
        await asyncio.sleep(0)
        if BAD in inputs["x"]:
            raise ValueError(f"bad among {rows}")
        return {"y": inputs["x"] * 2}


async def ask(batcher: Batcher, *requests: list[float]) -> list[Any]:
    """All at once; what each got."""
    arrays = [np.array(values) for values in requests]
    asked = (batcher.predict({"x": array}, len(array)) for array in arrays)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return [a if isinstance(a, BaseException) else a["y"].tolist() for a in answers]


def batcher(predict: Any, rows: int, delay: float = 0.001) -> Batcher:
    return Batcher(predict, Batching(rows, delay), CollectorRegistry())


VALUES = st.lists(st.sampled_from([BAD, 0.0, 1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=5)


@given(st.lists(VALUES, min_size=1, max_size=12), st.integers(2, 8))
def test_each_gets_its_own_rows_in_order_or_its_own_error(requests: list[list[float]], most: int) -> None:
    model = Doubling()

    answers = asyncio.run(ask(batcher(model, most), *requests))

    for values, answer in zip(requests, answers, strict=True):
        if BAD in values:
            assert str(answer) == f"bad among {len(values)}"
        else:
            assert answer == [value * 2 for value in values]
    assert all(rows <= max(most, max(map(len, requests))) for rows in model.asked)


async def test_requests_that_wait_together_are_one_call() -> None:
    model = Doubling()

    answers = await ask(batcher(model, 100), [1.0], [2.0, 3.0], [4.0])

    assert answers == [[2.0], [4.0, 6.0], [8.0]]
    assert model.asked == [4]


async def test_a_batch_that_is_full_does_not_wait() -> None:
    model = Doubling()

    async with asyncio.timeout(30):
        await ask(batcher(model, 2, delay=3600), [1.0], [2.0], [3.0, 4.0, 5.0])

    assert model.asked == [2, 3]


async def test_a_request_that_does_not_fit_begins_the_next_batch() -> None:
    model = Doubling()

    await ask(batcher(model, 3), [1.0, 2.0], [3.0, 4.0])

    assert model.asked == [2, 2]


async def test_a_model_that_does_not_answer_by_rows_is_asked_for_each() -> None:
    async def mean(inputs: Inputs, rows: int) -> Outputs:
        return {"y": inputs["x"].mean(keepdims=True)}

    assert await ask(batcher(mean, 100), [1.0, 3.0], [4.0]) == [[2.0], [4.0]]


async def test_rows_of_another_width_are_asked_for_each() -> None:
    async def echo(inputs: Inputs, rows: int) -> Outputs:
        return {"y": inputs["x"]}

    assert await ask(batcher(echo, 100), [[1.0, 2.0]], [[1.0]]) == [[[1.0, 2.0]], [[1.0]]]  # type: ignore[list-item]


def test_a_batching_server_answers_as_one_that_does_not(onnx: Onnx) -> None:
    app = ready(replace(settings_of(*onnx[:2]), batching=Batching(10, 0.001)))
    table = packages.rows(2, seed=5)

    answer = call(app, "POST", f"{MODEL}/infer", infer_body(table))

    probabilities = answer.json["outputs"][0]["data"]
    np.testing.assert_allclose(np.reshape(probabilities, (-1, 2)), onnx[2].predict_proba(table), atol=1e-6, rtol=0)
    assert app.observer.metrics.registry.get_sample_value("millwright_serving_batches_total") == 1
