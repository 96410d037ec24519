"""The operator's metrics are those that the page for operations explains."""

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from millwright import telemetry

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_metric_is_explained_and_none_that_is_not_there() -> None:
    metrics = [value for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]
    names = {described.name for metric in metrics for described in metric.describe()}
    rows = re.findall(r"^\| `(millwright_(?!serving_)\w+?)(?:_total)?` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(names)
