"""What Prometheus sees of the server: predictions only; probes and scrapes would hide their errors."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from millwright_serving.predictions import PredictionCounts

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry per server. `in_flight` is told whom to ask at a scrape, so counting requests costs them nothing."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "millwright_serving_requests", "Prediction requests answered.", ["code"], registry=self.registry
        )
        self._by_code = {200: self._requests.labels("200")}
        self._seconds = Histogram(
            "millwright_serving_request_seconds",
            "From a prediction request's headers to its answer.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._rows = Counter("millwright_serving_rows", "Rows predicted.", registry=self.registry)
        told = "Requests not yet answered."
        self.in_flight = Gauge("millwright_serving_requests_in_flight", told, registry=self.registry)

    def describe_model(
        self, name: str, version: str, digest: str, format: str, predictions: PredictionCounts | None
    ) -> None:
        """The model is loaded; `predictions` counts what it answers."""
        labels = {"model": name, "version": version, "digest": digest, "format": format}
        info = Gauge(
            "millwright_serving_model_info",
            "The model that is served.",
            list(labels),
            registry=self.registry,
        )
        info.labels(**labels).set(1)
        if predictions is not None:
            self.registry.register(predictions)

    def observe(self, code: int, seconds: float, rows: int) -> None:
        """One prediction request was answered; `rows` is 0 when it was refused."""
        child = self._by_code.get(code)
        if child is None:
            child = self._by_code[code] = self._requests.labels(str(code))
        child.inc()
        self._seconds.observe(seconds)
        if rows:
            self._rows.inc(rows)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
