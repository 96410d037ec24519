# ruff: noqa: T201 (what a pod prints is its log)
"""Real flights of a month as a request, with what really happened: `python -m flights.heldout --month 7 --rows 5`.

Runs in the runner-dev environment. The features are made by the pipeline's own step.
"""

import argparse
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from components.nycflights import make_features
from flights.source import tables


def held_out(month: int, rows: int, seed: int = 0) -> dict[str, Any]:
    """`{"dataframe_split": {columns, data}, "outcomes": [0 or 1, …]}` of `rows` random flights; missing is null."""
    table = features(month)
    table = table.sample(min(rows, len(table)), random_state=seed)
    outcomes = table.pop("late")
    data = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    return {"dataframe_split": {"columns": list(table.columns), "data": data}, "outcomes": outcomes.tolist()}


def features(month: int) -> pd.DataFrame:
    """All flights of a month as the pipeline's feature step makes them, `late` included."""
    source = tables()
    named = {"flights": source[f"flights-2013-{month:02d}"], "weather": source["weather"], "planes": source["planes"]}
    with tempfile.TemporaryDirectory() as folder:
        artifacts = {name: SimpleNamespace(path=str(Path(folder, name))) for name in [*named, "features"]}
        for name, table in named.items():
            table.to_parquet(artifacts[name].path, index=False)
        make_features.python_func(**artifacts)
        return pd.read_parquet(artifacts["features"].path)


def main() -> None:
    """Print the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--month", type=int, default=7)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(held_out(options.month, options.rows, options.seed)))


if __name__ == "__main__":
    main()
