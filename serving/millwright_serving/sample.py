"""`sample.json`: rows, and what the model that was evaluated said on them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millwright_serving.invocations import prediction_of
from millwright_serving.package import SAMPLE, PackageError, Signature


@dataclass(frozen=True, slots=True)
class RecordedSample:
    """`rows` in MLflow's dataframe_split form; `predictions` by output, one value or list for each row."""

    rows: Mapping[str, Any]
    predictions: Mapping[str, Any]


def read_sample(folder: Path, signature: Signature) -> RecordedSample | None:
    """The package's sample; None where it has none. Predictions that name no output are what `predict` returns.

    Raises PackageError when the file is no sample.
    """
    path = folder / SAMPLE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_bytes())  # packaging writes NaN, which is not JSON to orjson
        said = found["predictions"]
        return RecordedSample(
            found["dataframe_split"], said if isinstance(said, dict) else {prediction_of(signature): said}
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PackageError(f"{SAMPLE} is not a sample: {type(error).__name__}: {error}") from error
