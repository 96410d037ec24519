"""The factory `carrier-delay`."""

from collections.abc import Callable

from kfp import dsl
from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask
from kfp.dsl.python_component import PythonComponent

from carriers import component
from carriers.joining import compare_slices, join_slices
from carriers.slices import find_slices, train_pooled, train_slice
from components import encoding, nycflights, tables

SLICES, TARGET = "carrier", "late"


def in_our_image(shared: PythonComponent) -> Callable[..., PipelineTask]:
    """A component that other teams use too, run in this team's image."""
    return component(shared.python_func)


plan_months = in_our_image(nycflights.plan_months)
read_tables = in_our_image(tables.read_tables)
validate_flights = in_our_image(nycflights.validate_flights)
make_features = in_our_image(nycflights.make_features)
encode_strings = in_our_image(encoding.encode_strings)


@dsl.pipeline(name="carrier-delay", description="Will this flight arrive more than 15 minutes late? By carrier.")
def carrier_delay(
    data: str = "s3://data/flights",
    train_months: str = "1-10",
    eval_months: str = "11-12",
    rounds: int = 100,
    slice_rounds: int = 50,
    min_rows: int = 1000,
):
    """One booster of all flights, continued on each carrier's own by `slice_rounds`, all joined into one model.

    Carriers with fewer than `min_rows` flights keep the common booster. `data` holds what `flights.seed` stores.
    """
    months = plan_months(train_months=train_months, eval_months=eval_months)
    weather = read_tables(base=data, names=["weather"]).set_display_name("read weather")
    planes = read_tables(base=data, names=["planes"]).set_display_name("read planes")

    def features(name: str, tables: PipelineChannel) -> PipelineTask:
        flights = read_tables(base=data, names=tables).set_display_name(f"read {name} flights")
        valid = validate_flights(flights=flights.output).set_display_name(f"validate {name} flights")
        return make_features(flights=valid.output, weather=weather.output, planes=planes.output)

    training = features("training", months.outputs["train"]).output
    held_out = features("held-out", months.outputs["evaluation"]).output
    encoded = encode_strings(training=training, held_out=held_out).outputs
    pooled = train_pooled(
        table=encoded["encoded_training"], target=TARGET, rounds=rounds, max_depth=6, learning_rate=0.1
    )
    pooled.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)

    slices = find_slices(table=training, column=SLICES)
    with dsl.ParallelFor(slices.output, parallelism=4) as carrier:
        trained = train_slice(
            table=encoded["encoded_training"],
            categories=encoded["categories"],
            pooled=pooled.outputs["model"],
            column=SLICES,
            slice=carrier,
            target=TARGET,
            rounds=slice_rounds,
            max_depth=2,
            learning_rate=0.05,
            min_rows=min_rows,
        )
    everyone = pooled.outputs["model"]
    judged_on = {"table": held_out, "encoded": encoded["encoded_held_out"], "column": SLICES, "target": TARGET}
    # A dsl.Collected serves one step only: the compiler rewrites it.
    models = dsl.Collected(trained.outputs["model"])
    joined = join_slices(models=models, pooled=everyone, categories=encoded["categories"], **judged_on)
    models = dsl.Collected(trained.outputs["model"])
    compared = compare_slices(
        models=models, pooled=everyone, joined=joined.outputs["joined"], min_rows=100, **judged_on
    )
    for step in (joined, compared):
        step.set_caching_options(False)  # what they log to MLflow belongs to this run
