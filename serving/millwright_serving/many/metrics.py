"""What Prometheus sees of many models. The number of series is bounded: most models have none of their own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from millwright_serving.settings import ModelVersion

# So many model versions are counted by themselves: the first ones that are asked for, so that counters never shrink.
MOST_LABELLED = 100
OTHERS = ("_others", "")
_LOAD_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class ManyMetrics:
    """Beside the server's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names, told = ["model", "version", "code"], "Prediction requests answered, by model."
        self._requests = Counter("millwright_serving_model_requests", told, names, registry=registry)
        self._labelled: set[tuple[str, str]] = set()
        self._models = Gauge("millwright_serving_models", "Model versions.", ["state"], registry=registry)
        told = "Times that a model was loaded, or failed to."
        self._loads = Counter("millwright_serving_loads", told, ["result"], registry=registry)
        told = "From a model's turn to be loaded until it could answer."
        self.load_seconds = Histogram("millwright_serving_load_seconds", told, buckets=_LOAD_BUCKETS, registry=registry)
        told = "Models that were dropped to make room for others."
        self.evictions = Counter("millwright_serving_evictions", told, registry=registry)
        told = "Memory that the process may have before models are dropped."
        self.budget = Gauge("millwright_serving_memory_budget_bytes", told, registry=registry)
        told = "1 while the models' lists, as they are now, cannot be used: those before are."
        self.lists_wrong = Gauge("millwright_serving_lists_wrong", told, registry=registry)

    def watch(self, listed: Callable[[], int], loaded: Callable[[], int]) -> None:
        """Whom to ask at a scrape."""
        self._models.labels("listed").set_function(listed)
        self._models.labels("loaded").set_function(loaded)

    def answered(self, wanted: ModelVersion, code: int) -> None:
        """A prediction request for a model that is listed was answered."""
        labels = wanted.name, wanted.version
        if labels not in self._labelled:
            if len(self._labelled) < MOST_LABELLED:
                self._labelled.add(labels)
            else:
                labels = OTHERS
        self._requests.labels(*labels, code).inc()

    def loaded(self, succeeded: bool) -> None:
        """A model was loaded, or failed to."""
        self._loads.labels("loaded" if succeeded else "failed").inc()
