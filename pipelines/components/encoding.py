# ruff: noqa: T201 (what a pod prints is its log)
"""Strings as numbers, for learners that know only numbers."""

from kfp import dsl

from components import component


@component
def encode_strings(
    training: dsl.Input[dsl.Dataset],
    held_out: dsl.Input[dsl.Dataset],
    encoded_training: dsl.Output[dsl.Dataset],
    encoded_held_out: dsl.Output[dsl.Dataset],
    categories: dsl.Output[dsl.Artifact],
):
    """Replace each string of both tables by its position among the sorted values that its column has in `training`.

    What is not among them becomes -1. `categories` is JSON: a list of values for each column of strings.
    """
    import json
    from pathlib import Path

    import pandas as pd

    seen = pd.read_parquet(training.path)
    known = {name: sorted(seen[name].unique()) for name in seen.select_dtypes(include=["object", "str"])}
    for source, target in ((training, encoded_training), (held_out, encoded_held_out)):
        table = pd.read_parquet(source.path)
        for name, values in known.items():
            positions = {value: float(position) for position, value in enumerate(values)}
            table[name] = table[name].map(positions).fillna(-1.0).astype("float64")
        table.to_parquet(target.path, index=False)
    Path(categories.path).write_text(json.dumps(known))
    print(", ".join(f"{len(values)} values of {name}" for name, values in known.items()))
