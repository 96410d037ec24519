"""A model that is ready to answer: loaded from a verified package, and warm."""

from collections.abc import Callable
from typing import Any

import orjson

from millwright_serving import invocations, v2
from millwright_serving.datatypes import Array
from millwright_serving.download import fetch, verified_manifest
from millwright_serving.models import Model, load_model
from millwright_serving.package import Manifest, PackageError
from millwright_serving.predictions import watch
from millwright_serving.sample import RecordedSample, read_sample
from millwright_serving.settings import Settings

Outputs = dict[str, Array]
Protocol = tuple[Callable[[bytes], v2.InferRequest], Callable[[v2.InferRequest, Outputs], bytes]]

_PLATFORMS = {"onnx": "onnx_onnxruntime", "skops": "sklearn_skops", "pickle": "sklearn_pickle"}


class ServedModel:
    """The model with its parsers and encoders: one pair for V2, one for MLflow's invocations."""

    def __init__(
        self, name: str, version: str, manifest: Manifest, model: Model, sample: RecordedSample | None
    ) -> None:
        self.name, self.version, self.manifest, self.model = name, version, manifest, model
        self.predictions = watch(manifest.signature, sample.predictions if sample else {})
        self._datatypes = {tensor.name: v2.datatype_of(tensor).name for tensor in manifest.signature.outputs}
        self.infer: Protocol = (v2.RequestParser(manifest.signature).parse, self._encode_infer)
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

    def _encode_infer(self, request: v2.InferRequest, outputs: Outputs) -> bytes:
        return v2.encode(self.name, self.version, request, outputs, self._datatypes)


def load_served(settings: Settings) -> ServedModel:
    """Fetch, verify, load and warm up. Raises PackageError (DigestMismatch before anything is loaded)."""
    folder = fetch(settings.package_uri, settings.model_dir)
    manifest = verified_manifest(folder, settings.package_digest)
    model = load_model(folder, manifest, settings.allow_pickle, settings.threads)
    sample = read_sample(folder, manifest.signature)
    served = ServedModel(settings.model_name, settings.model_version, manifest, model, sample)
    _warm_up(served, sample)
    return served


def _warm_up(served: ServedModel, sample: RecordedSample | None) -> None:
    """The first prediction is slow, and a model that fails on its own sample must never become ready."""
    if sample is None:
        return
    parse, encode = served.invocations
    try:
        request = parse(orjson.dumps({"dataframe_split": sample.rows}))
        encode(request, served.model.predict(request.inputs))
    except Exception as error:  # the libraries' exceptions share no base
        raise PackageError(f"The model fails on its own sample: {type(error).__name__}: {error}") from error
