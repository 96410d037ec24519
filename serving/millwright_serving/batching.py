"""Dynamic micro-batching: requests that wait together are predicted by one call."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from prometheus_client import CollectorRegistry, Counter

from millwright_serving.datatypes import Array
from millwright_serving.settings import Batching

Inputs = Mapping[str, Array]
Outputs = dict[str, Array]
Predict = Callable[[Inputs, int], Awaitable[Outputs]]  # inputs, and their number of rows


class _Waiting(NamedTuple):
    inputs: Inputs
    rows: int
    answer: "asyncio.Future[Outputs]"


class Batcher:
    """Collects requests for a while, or until they have enough rows. One that has more by itself goes alone."""

    def __init__(self, predict: Predict, settings: Batching, registry: CollectorRegistry) -> None:
        self._predict, self._settings = predict, settings
        self._calls = Counter("millwright_serving_batches", "Calls of the model for batches.", registry=registry)
        self._waiting: list[_Waiting] = []
        self._rows = 0
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def predict(self, inputs: Inputs, rows: int) -> Outputs:
        """What the model predicts for these rows. Raises what it raises on them alone."""
        loop = asyncio.get_running_loop()
        if self._rows + rows > self._settings.max_rows:
            self._begin()
        one = _Waiting(inputs, rows, loop.create_future())
        self._waiting.append(one)
        self._rows += rows
        if self._rows >= self._settings.max_rows:
            self._begin()
        elif self._timer is None:
            self._timer = loop.call_later(self._settings.max_delay, self._begin)
        return await one.answer

    def _begin(self) -> None:
        """Predicts what waits; the next request begins another batch."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting, self._rows = self._waiting, [], 0
        if batch:
            task = asyncio.get_running_loop().create_task(self._answer(batch))
            self._under_way.add(task)  # the loop itself would let it be collected
            task.add_done_callback(self._under_way.discard)

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            outputs = await self._together(batch)
        except Exception as error:  # the libraries' exceptions share no base
            await self._answer_alone(batch, error)
        else:
            for one, own in zip(batch, outputs, strict=True):
                one.answer.set_result(own)

    async def _answer_alone(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """One request's fault must not be the others'."""
        if len(batch) == 1:
            batch[0].answer.set_exception(error)
            return
        for one in batch:
            await self._answer([one])

    async def _together(self, batch: Sequence[_Waiting]) -> list[Outputs]:
        """Raises ValueError where the model does not answer by rows: then nobody knows whose is what."""
        self._calls.inc()
        if len(batch) == 1:
            return [await self._predict(batch[0].inputs, batch[0].rows)]
        ends = np.cumsum([one.rows for one in batch]).tolist()
        together = {name: np.concatenate([one.inputs[name] for one in batch]) for name in batch[0].inputs}
        outputs = await self._predict(together, ends[-1])
        if any(array.shape[:1] != (ends[-1],) for array in outputs.values()):
            raise ValueError("the model does not answer by rows")
        spans = [slice(end - one.rows, end) for one, end in zip(batch, ends, strict=True)]
        return [{name: array[span] for name, array in outputs.items()} for span in spans]
