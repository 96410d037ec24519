"""The factory `arr-delay`."""

from kfp import dsl
from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_task import PipelineTask

from components.evaluation import evaluate_classifier
from components.nycflights import make_features, plan_months, validate_flights
from components.tables import read_tables
from flights.steps import train_classifier

# Slices of the evaluation that TrainingRuns may judge for themselves.
SCENARIOS = {
    "evening": "sched_dep_minute >= 18 * 60",
    **{airport: f"origin == '{airport}'" for airport in ("EWR", "JFK", "LGA")},
}


@dsl.pipeline(name="arr-delay", description="Will this flight arrive more than 15 minutes late?")
def arr_delay(
    data: str = "s3://data/flights",
    train_months: str = "1-6",
    eval_months: str = "",
    max_iter: int = 200,
    learning_rate: float = 0.1,
):
    """Train on some months, evaluate on later ones (by default the next); `data` holds what `flights.seed` stores."""
    months = plan_months(train_months=train_months, eval_months=eval_months)
    weather = read_tables(base=data, names=["weather"]).set_display_name("read weather")
    planes = read_tables(base=data, names=["planes"]).set_display_name("read planes")

    def features(name: str, tables: PipelineChannel) -> PipelineTask:
        flights = read_tables(base=data, names=tables).set_display_name(f"read {name} flights")
        valid = validate_flights(flights=flights.output).set_display_name(f"validate {name} flights")
        return make_features(flights=valid.output, weather=weather.output, planes=planes.output)

    training = features("training", months.outputs["train"])
    held_out = features("held-out", months.outputs["evaluation"])
    # What logs to MLflow must run in each run: from a cache, its run would have no model and no metrics.
    model = train_classifier(table=training.output, max_iter=max_iter, learning_rate=learning_rate)
    model.set_caching_options(False)
    evaluation = evaluate_classifier(model_id=model.output, table=held_out.output, target="late", scenarios=SCENARIOS)
    evaluation.set_caching_options(False)
