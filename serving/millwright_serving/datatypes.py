"""The V2 datatypes that JSON can carry, and JSON values as arrays of them.

https://github.com/kserve/open-inference-protocol, "Tensor Data Types".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from millwright_serving.errors import bad_request

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Datatype:
    """`accepts` are the Python types of its JSON values; null is a missing number."""

    name: str
    dtype: np.dtype[Any]
    accepts: frozenset[Any]  # of types
    description: str
    may_overflow: bool = False  # JSON numbers are doubles; narrower floats cannot hold them all


_INTEGERS = ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64")
_NUMBERS = frozenset({float, int, type(None)})

DATATYPES: Mapping[str, Datatype] = {
    "BOOL": Datatype("BOOL", np.dtype(np.bool_), frozenset({bool}), "true or false"),
    **{name: Datatype(name, np.dtype(name.lower()), frozenset({int}), "integers") for name in _INTEGERS},
    "FP16": Datatype("FP16", np.dtype(np.float16), _NUMBERS, "numbers or null", may_overflow=True),
    "FP32": Datatype("FP32", np.dtype(np.float32), _NUMBERS, "numbers or null", may_overflow=True),
    "FP64": Datatype("FP64", np.dtype(np.float64), _NUMBERS, "numbers or null"),
    "BYTES": Datatype("BYTES", np.dtype(np.object_), frozenset({str}), "strings"),
}


def to_array(name: str, values: Sequence[Any], datatype: Datatype) -> Array:
    """The flat list of JSON `values` of the input `name` as a 1-D array; null becomes NaN in a floating one.

    Raises RequestError (400) when a value is of another type or out of the datatype's range.
    """
    kinds = set(map(type, values))
    if not kinds <= datatype.accepts:
        raise _wrong_type(name, kinds, datatype)
    try:
        if datatype.may_overflow:
            return _narrow(values, datatype)
        return np.array(values, dtype=datatype.dtype)
    except (OverflowError, FloatingPointError) as error:
        raise bad_request(f"input '{name}' has a value out of the range of {datatype.name}") from error


def _narrow(values: Sequence[Any], datatype: Datatype) -> Array:
    with np.errstate(over="raise"):
        return np.array(values, dtype=np.float64).astype(datatype.dtype)


_JSON_NAMES: Mapping[type, str] = {
    bool: "true or false", int: "an integer", float: "a number with a fraction", str: "a string",
    type(None): "null", list: "an array", dict: "an object",
}  # fmt: skip


def _wrong_type(name: str, kinds: set[type], datatype: Datatype) -> Exception:
    found = ", ".join(sorted(_JSON_NAMES[kind] for kind in kinds - datatype.accepts))
    return bad_request(f"input '{name}' is {datatype.name}: its data must be {datatype.description}, not {found}")
