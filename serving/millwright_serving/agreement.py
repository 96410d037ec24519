"""Whether two answers to one request say the same. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson


def agree(one: bytes, other: bytes, rtol: float, atol: float) -> bool:
    """Bodies of V2 answers, or of invocations: the same outputs with the same labels, and numbers close to each other.

    Close is within `atol` plus `rtol` of the other's size, as in numpy.isclose. Raises ValueError for any other body.
    """
    mine, theirs = _outputs(orjson.loads(one)), _outputs(orjson.loads(other))
    return mine.keys() == theirs.keys() and all(_close(mine[name], theirs[name], rtol, atol) for name in mine)


def _outputs(answer: Any) -> Mapping[str, Any]:
    try:
        if "outputs" in answer:
            return {output["name"]: output["data"] for output in answer["outputs"]}
        return {"predictions": answer["predictions"]}
    except (KeyError, TypeError) as error:
        raise ValueError("the body is no answer to a prediction request") from error


def _close(one: Any, other: Any, rtol: float, atol: float) -> bool:
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(_close(a, b, rtol, atol) for a, b in zip(one, other, strict=True))
    if {type(one), type(other)} in ({float}, {float, int}):
        return bool(abs(one - other) <= atol + rtol * abs(other))
    return bool(one == other)
