"""A model that is ready to answer: loaded from a verified package, and warm."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from millwright_serving import invocations, v2
from millwright_serving.batching import Inputs, Outputs
from millwright_serving.datatypes import DATATYPES, Array
from millwright_serving.download import fetch, verified_manifest
from millwright_serving.models import Model, load_model
from millwright_serving.package import Manifest, PackageError, PredictionsDiffer, Tensor
from millwright_serving.predictions import watch
from millwright_serving.responses import Response
from millwright_serving.sample import RecordedSample, read_sample
from millwright_serving.settings import ModelVersion
from millwright_serving.verification import Mismatch, largest_difference

# From a body, and how much of it is JSON where bytes follow; and back.
Protocol = tuple[Callable[[bytes, int | None], v2.InferRequest], Callable[[v2.InferRequest, Outputs], Response]]

# Up to so many rows are predicted where they arrive, because a thread costs more than they do;
# a larger batch goes to a thread, so that probes and small requests needn't wait for it.
INLINE_ROWS = 64

_PLATFORMS = {
    "onnx": "onnx_onnxruntime",
    "skops": "sklearn_skops",
    "pickle": "sklearn_pickle",
    "mlflow": "mlflow_pyfunc",
}


class ServedModel:
    """The model with its parsers and encoders: one pair for V2, one for MLflow's invocations."""

    def __init__(
        self, name: str, version: str, manifest: Manifest, model: Model, sample: RecordedSample | None
    ) -> None:
        self.name, self.version, self.manifest, self.model = name, version, manifest, model
        self.predictions = watch(manifest.signature, sample.predictions if sample else {})
        datatypes = {tensor.name: v2.datatype_of(tensor).name for tensor in manifest.signature.outputs}
        # No method of its own: a model that is dropped must be gone at once, not at the next collection of garbage.
        self.infer: Protocol = (
            v2.RequestParser(manifest.signature).parse,
            partial(v2.encode, name, version, datatypes),
        )
        self.invocations: Protocol = (
            invocations.InvocationParser(manifest.signature).parse,
            invocations.encode,
        )

    def metadata(self) -> dict[str, Any]:
        """V2's model metadata response."""
        platform = _PLATFORMS[self.manifest.format]
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": platform,
        } | self.manifest.signature.to_dict()

    async def predict(self, inputs: Inputs, rows: int) -> Outputs:
        """What the model says of these rows. Raises what its library raises."""
        if rows <= INLINE_ROWS:
            return self.model.predict(inputs)
        return await asyncio.to_thread(self.model.predict, inputs)


def load_served(wanted: ModelVersion, place: Path, threads: int = 1, arena: bool = True) -> ServedModel:
    """Fetch to `place`, verify, load, replay the sample and warm up.

    `arena`: whether the model keeps memory for its next large batch. Raises PackageError: DigestMismatch before
    anything is loaded, PredictionsDiffer when it is not the model that was evaluated.
    """
    folder = fetch(wanted.package_uri, place)
    manifest = verified_manifest(folder, wanted.digest)
    model = load_model(folder, manifest, wanted.allow_pickle, threads, arena)
    sample = read_sample(folder, manifest.signature)
    served = ServedModel(wanted.name, wanted.version, manifest, model, sample)
    if sample is not None:
        _replay(served, sample)
    else:
        _warm_up(served)
    return served


def _replay(served: ServedModel, sample: RecordedSample) -> None:
    """A model that fails on its own sample, or says something else than the one evaluated, must never become ready."""
    parse, encode = served.invocations
    try:
        request = parse(orjson.dumps({"dataframe_split": sample.rows}), None)
        outputs = served.model.predict(request.inputs)
        encode(request, outputs)
        _predict_once(served, {name: array[:1] for name, array in request.inputs.items()})
    except Exception as error:  # the libraries' exceptions share no base
        raise PackageError(f"The model fails on its own sample: {type(error).__name__}: {error}") from error
    _compare(outputs, sample, served.manifest.verification.tolerance)


def _compare(outputs: Outputs, sample: RecordedSample, tolerance: float) -> None:
    try:
        largest_difference(sample.predictions, outputs, tolerance)
    except Mismatch as mismatch:
        raise PredictionsDiffer(
            f"On the package's sample the model does not answer as the one that was evaluated: {mismatch}. It is not "
            "served. Package it again with the libraries of this server."
        ) from mismatch


def _warm_up(served: ServedModel) -> None:
    """Without a sample there is nothing that the model must be able to answer."""
    with suppress(Exception):  # the libraries' exceptions share no base
        _predict_once(served, {tensor.name: _zeros(tensor) for tensor in served.manifest.signature.inputs})


def _predict_once(served: ServedModel, inputs: dict[str, Array]) -> None:
    """One row as requests ask for it: the first such request is slow."""
    names = tuple(tensor.name for tensor in served.manifest.signature.outputs)
    served.infer[1](v2.InferRequest(inputs, 1, names), served.model.predict(inputs))


def _zeros(tensor: Tensor) -> Array:
    shape = (1, *(max(size, 1) for size in tensor.shape[1:]))
    return np.full(shape, "" if tensor.datatype == "BYTES" else 0, dtype=DATATYPES[tensor.datatype].dtype)
