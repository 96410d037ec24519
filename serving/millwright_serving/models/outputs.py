"""Outputs in the form that the signature promises."""

from typing import Any

import numpy as np

from millwright_serving.datatypes import DATATYPES, Array
from millwright_serving.package import Tensor


def conform(value: Any, tensor: Tensor) -> Array:
    """`value` as the signature's output `tensor`: its datatype, and [rows] for a library's [rows, 1]."""
    array = np.asarray(value)
    if len(tensor.shape) == 1 and array.ndim == 2 and array.shape[1] == 1:
        array = array.ravel()
    return array.astype(DATATYPES[tensor.datatype].dtype, copy=False)
