"""The distribution of predictions, in buckets that two versions of a model have in common."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log2
from typing import Any

import numpy as np
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from millwright_serving.datatypes import Array
from millwright_serving.invocations import prediction_of
from millwright_serving.package import Signature, Tensor

PROBABILITIES = "probabilities"
MOST_CLASSES = 10
# Of one request; so many rows tell the distribution, and more would hold up the requests beside it.
MOST_ROWS = 1024
# Counted together: a request of one row costs no more than being put on a list.
ROWS_AT_ONCE = 256
MOST_BUCKETS = 20
_SMALLEST, _LARGEST = 1e-300, 1e300  # of a step and of a bound that are still numbers
_PROBABILITY_BOUNDS = tuple(step / 20 for step in range(1, 21))


class PredictionCounts(Collector):
    """Histogram `millwright_serving_predictions` of one output; of `classes` each, where it has probabilities."""

    def __init__(self, output: str, bounds: Sequence[float], classes: Sequence[int] = ()) -> None:
        self._output, self._bounds, self._classes = output, np.array(bounds), classes
        columns = classes or (0,)
        self._counts = {column: np.zeros(len(bounds) + 1, dtype=np.int64) for column in columns}
        self._sums = dict.fromkeys(columns, 0.0)
        self._pending: list[Any] = []  # of each row a number, or a list of them

    def add(self, outputs: Mapping[str, Array]) -> None:
        """A request was answered with these."""
        # As a list, because a kept array would keep ONNX Runtime from using its memory again.
        self._pending += outputs[self._output][:MOST_ROWS].tolist()
        if len(self._pending) >= ROWS_AT_ONCE:
            self._count()

    def collect(self) -> Iterator[Metric]:
        """Called by a scrape."""
        self._count()
        names = ["class"] if self._classes else []
        family = HistogramMetricFamily("millwright_serving_predictions", "Predictions answered.", labels=names)
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for column, counts in self._counts.items():
            buckets: list[Any] = list(zip(bounds, counts.cumsum().tolist(), strict=True))
            family.add_metric([str(column)] if names else [], buckets, self._sums[column])
        yield family

    def _count(self) -> None:
        if not self._pending:
            return
        table = np.array(self._pending, dtype=np.float64).reshape(len(self._pending), -1)
        self._pending = []
        for column, counts in self._counts.items():
            values = table[:, column]
            values = values[np.isfinite(values)]  # one NaN would make the sum NaN for good
            counts += np.bincount(np.searchsorted(self._bounds, values), minlength=len(counts))
            self._sums[column] += float(values.sum())


def watch(signature: Signature, said: Mapping[str, Any]) -> PredictionCounts | None:
    """Counts of what people watch: a classifier's probabilities, of two classes the last one's; else the prediction.

    `said`: predictions on the package's sample, by output. They give a value its buckets; without them there are none.
    """
    tensors = {tensor.name: tensor for tensor in signature.outputs}
    if classes := _classes(tensors.get(PROBABILITIES)):
        return PredictionCounts(PROBABILITIES, _PROBABILITY_BOUNDS, classes)
    name = prediction_of(signature)
    values = np.asarray(said.get(name, ()))
    if tensors[name].shape != (-1,) or values.dtype.kind not in "fiu" or not np.isfinite(values).any():
        return None
    return PredictionCounts(name, value_bounds(values[np.isfinite(values)]))


def value_bounds(values: Array) -> tuple[float, ...]:
    """Multiples of a power of two around the values. Of two versions' bounds those of the wider step are in both.

    So a distance of their distributions can be computed, though each was sampled by itself.
    """
    low, high = (float(edge) for edge in np.quantile(values.clip(-_LARGEST, _LARGEST), (0.01, 0.99)))
    spread, size = high - low, max(abs(low), abs(high))
    spread = spread if spread > size / 1000 else size
    step = 2.0 ** ceil(log2((spread if spread > _SMALLEST else 1.0) / MOST_BUCKETS))
    return tuple(step * index for index in range(floor(low / step), floor(high / step) + 2))


def _classes(tensor: Tensor | None) -> Sequence[int]:
    if tensor is None or len(tensor.shape) != 2:
        return ()
    count = tensor.shape[1]
    return (1,) if count == 2 else range(min(count, MOST_CLASSES))
