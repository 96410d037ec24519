import re
from dataclasses import replace
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from tests.serving.test_serving_app import ready, settings_of

from millwright_serving.package import Manifest
from millwright_serving.settings import Batching, Comparison, ManyModels, PayloadLogging, Settings

PAGE = Path(__file__).parents[2] / "docs/operations.md"


def test_every_metric_is_explained_and_none_that_is_not_there(
    onnx: tuple[Path, Manifest, LogisticRegression], tmp_path: Path
) -> None:
    everything = replace(
        settings_of(*onnx[:2]),
        comparison=Comparison("http://127.0.0.1:1"),
        batching=Batching(2, 0.001),
        payload_logging=PayloadLogging(1.0, str(tmp_path)),
    )
    (tmp_path / "lists").mkdir()
    many = Settings(ManyModels(tmp_path / "lists", 1), model_dir=tmp_path)
    apps = (ready(everything), ready(many))

    names = {metric.name for app in apps for metric in app.observer.metrics.registry.collect()}

    apps[0].observer.close()
    rows = re.findall(r"^\| `(millwright_serving_\w+?)(?:_total)?` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(name for name in names if name.startswith("millwright_serving_"))
