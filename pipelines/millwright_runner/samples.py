"""Samples: the rows that packaging compares predictions on. Logged with a model, or given beside one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import Model

from millwright_runner.outcome import Rejected
from millwright_serving.package import Tensor

MATRIX = "input"
INVALID = "InvalidSample"
DTYPES = {
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
    "boolean": "bool",
    "string": "object",
}
DATATYPES = {
    "float64": "FP64",
    "float32": "FP32",
    "int64": "INT64",
    "int32": "INT32",
    "bool": "BOOL",
    "object": "BYTES",
}


@dataclass(frozen=True)
class Sample:
    """Rows as the model was trained on them: a DataFrame with named columns, or an array [rows, n]."""

    data: Any

    @property
    def has_columns(self) -> bool:
        """Whether the model takes named columns."""
        return isinstance(self.data, pd.DataFrame)

    @property
    def is_tabular(self) -> bool:
        """Whether it can be written down as a table."""
        return self.has_columns or self.data.ndim <= 2

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The V2 inputs: one [rows] per column, or one [rows, n]."""
        if self.has_columns:
            return tuple(Tensor(name, DATATYPES[str(dtype)], (-1,)) for name, dtype in self.data.dtypes.items())
        return (Tensor(MATRIX, DATATYPES[str(self.data.dtype)], (-1, *self.data.shape[1:])),)

    def matrix(self) -> Any:
        """The rows as one array, a table's columns in their order."""
        return self.data.to_numpy() if self.has_columns else self.data

    def columns(self) -> dict[str, Any]:
        """The rows as the server's models take them: [rows] per column, or the array."""
        if not self.has_columns:
            return {MATRIX: self.data}
        return {name: self.data[name].to_numpy() for name in self.data.columns}

    def dataframe_split(self) -> dict[str, Any]:
        """The rows in MLflow's `dataframe_split` form; missing numbers are null."""
        table = self.data if self.has_columns else pd.DataFrame(self.data)
        rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
        return {"columns": [str(name) for name in table.columns], "data": rows}


def logged_with(model: Model, folder: str) -> Sample:
    """The model's input example, with the types of its signature (JSON knows only numbers).

    Raises `Rejected` (SampleNeeded) if none was logged: then nothing could be compared.
    """
    example = model.load_input_example(folder) if model.saved_input_example_info else None
    if example is None:
        raise Rejected(
            "SampleNeeded",
            "The model was logged without an input example. Log it with input_example=, some "
            "hundred rows of its training data: the packaged model is compared on them.",
        )
    if isinstance(example, pd.DataFrame):
        return Sample(_typed(example, model))
    array = np.asarray(example)
    return Sample(array.astype("float64") if array.dtype.kind == "f" else array)


def read(path: Path) -> tuple[Sample, Any]:
    """The rows of a JSON file, with `dataframe_split` (a table) or `inputs` (an array of rows), and its `predictions`.

    All numbers are doubles: JSON writes 1 for 1.0. Predictions are as MLflow's server answers: a list, or a list for
    each output; None where there are none. Raises `Rejected` (InvalidSample).
    """
    try:
        found = json.loads(path.read_text())
        data = _table(found["dataframe_split"]) if "dataframe_split" in found else _array(found["inputs"])
        if len(data) == 0:
            raise ValueError("it has no rows")
        return Sample(data), found.get("predictions")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected(
            INVALID,
            "The sample is to be JSON with dataframe_split (columns and data) or inputs (an array of rows), and "
            f"predictions to compare with: {type(error).__name__}: {error}",
        ) from error


def _table(split: dict[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame(split["data"], columns=[str(name) for name in split["columns"]])
    kinds = {name: _plain(dtype) for name, dtype in table.dtypes.items()}
    return table.astype({name: kind if kind in ("bool", "object") else "float64" for name, kind in kinds.items()})


def _array(rows: list[Any]) -> Any:
    array = np.asarray(rows)
    return array.astype("float64" if array.dtype.kind in "fiu" else "object")


def _typed(table: pd.DataFrame, model: Model) -> pd.DataFrame:
    names = {column.name: DTYPES.get(column.type.name) for column in model.signature.inputs} if model.signature else {}
    wanted = {name: names.get(name) or _plain(dtype) for name, dtype in table.dtypes.items()}
    return table.astype(wanted)


def _plain(dtype: Any) -> str:
    return str(dtype) if str(dtype) in DATATYPES else "object"
