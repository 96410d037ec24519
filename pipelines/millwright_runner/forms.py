"""What is known of a model in the form in which it is packaged."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from millwright_runner import samples
from millwright_runner.outcome import Rejected
from millwright_serving.models.outputs import conform
from millwright_serving.package import Format, Signature, Tensor, Verification
from millwright_serving.verification import Answers

T = TypeVar("T")


@dataclass(frozen=True)
class Form:
    """A model file in the package, and what is known about it; `answers` are the original model's, by output."""

    format: Format
    runtime: str
    signature: Signature
    verification: Verification
    answers: Answers

    @property
    def main_output(self) -> str:
        """What `predict` returns: a classifier's label, or the first output."""
        return "label" if "label" in self.answers else next(iter(self.answers))

    @property
    def predictions(self) -> dict[str, Any]:
        """The answers as the server gives them, by output, for JSON."""
        known = [tensor for tensor in self.signature.outputs if tensor.name in self.answers]
        return {tensor.name: conform(self.answers[tensor.name], tensor).tolist() for tensor in known}


def fitting(predict: Callable[[], T]) -> T:
    """What a model answers on its own sample. Raises `Rejected` (InvalidSample) where it cannot."""
    try:
        return predict()
    except Exception as error:  # the libraries' exceptions share no base
        raise Rejected(samples.INVALID, f"The model cannot answer its own sample: {first_line(error)}") from error


def output(name: str, answer: Any) -> Tensor:
    """The output that has such answers."""
    kind = {"f": "FP64", "i": "INT64", "b": "BOOL"}.get(answer.dtype.kind, "BYTES")
    return Tensor(name, kind, (-1, *answer.shape[1:]))


def first_line(error: Exception) -> str:
    """What went wrong, short enough for a message."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"


def runtime(distribution: str) -> str:
    """A library of this image and its version, for the manifest."""
    return f"{distribution} {version(distribution)}"
