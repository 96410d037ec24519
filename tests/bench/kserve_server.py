"""An ONNX model behind KServe's SDK server, as its documentation has it: a Model with a `predict`.

Runs in an environment of its own. BENCH_MODEL names the file. The lines that it would log for each request are left
out: ours logs none either.
"""

import logging
import os
from typing import Any

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.numpy_codec import from_np_dtype


class OnnxModel(Model):  # type: ignore[misc]
    """Takes the inputs by their names."""

    def load(self) -> bool:
        """One thread, as ours."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)
        self._ranks = {node.name: len(node.shape) for node in self._session.get_inputs()}
        self._outputs = [node.name for node in self._session.get_outputs()]
        self.ready = True
        return self.ready

    async def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:
        """V2 in, V2 out."""
        arrays = {given.name: given.as_numpy() for given in payload.inputs}
        feeds = {name: a[:, None] if self._ranks[name] > a.ndim else a for name, a in arrays.items()}
        answers = self._session.run(self._outputs, feeds)
        return InferResponse(payload.id or "", self.name, list(map(_output, self._outputs, answers)))


def _output(name: str, value: Any) -> InferOutput:
    output = InferOutput(name, list(value.shape), from_np_dtype(value.dtype))
    output.set_data_from_numpy(value, binary_data=False)
    return output


if __name__ == "__main__":
    server, model = ModelServer(), OnnxModel("model")
    model.load()
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False
    server.start([model])
