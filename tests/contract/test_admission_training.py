"""What the API server says of a TrainingRun's pipeline, gates, scenarios, data sets and history."""

import pytest
from tests.contract.kube import assert_admitted, assert_refused
from tests.contract.test_admission import GATE, REPLAY, TRAINING, Spec, manifest

RELATIVE = {"metric": "roc_auc", "operator": ">=", "relativeTo": {"alias": "champion"}}
NIGHT = {"name": "night-flights", "gates": [GATE, RELATIVE]}
DIGEST = f"sha256:{'a' * 64}"
SOURCE = "name exactly one source of the pipeline: configMapRef, uri with digest, or name"
COMPARE = "name what the metric is compared with by exactly one of threshold and relativeTo"
COMPARE_WITH = "name what to compare with by exactly one of alias and version"

ACCEPTED: dict[str, Spec] = {
    "a gate may be relative to an alias": {"gates": [RELATIVE | {"tolerance": 0.01}]},
    "a gate may be relative to a version": {"gates": [RELATIVE | {"relativeTo": {"version": "7"}}]},
    "a short history": {"historyLimit": 1},
    "an object and a folder in S3, and what is elsewhere": {
        "datasets": [
            {"name": "object", "uri": "s3://data/a.parquet", "digest": DIGEST},
            {"name": "folder", "uri": "s3://data/flights/", "digest": DIGEST},
            {"name": "bucket", "uri": "s3://data/"},
            {"name": "elsewhere", "uri": "bigquery:flights.2013"},
        ]
    },
    "slices are judged by gates of their own": {"scenarios": [NIGHT, NIGHT | {"name": "JFK"}]},
}
REFUSED: dict[str, tuple[Spec, str]] = {
    "a pipeline from nowhere": ({"pipeline": {}}, SOURCE),
    "a pipeline from two places": ({"pipeline": {"configMapRef": {"name": "a"}, "name": "b"}}, SOURCE),
    "a gate that compares with nothing": ({"gates": [{"metric": "roc_auc", "operator": ">="}]}, COMPARE),
    "a gate that compares with two": ({"gates": [GATE | RELATIVE]}, COMPARE),
    "a gate relative to two": (
        {"gates": [RELATIVE | {"relativeTo": {"alias": "champion", "version": "7"}}]},
        COMPARE_WITH,
    ),
    "a gate relative to none": ({"gates": [RELATIVE | {"relativeTo": {}}]}, COMPARE_WITH),
    "a tolerance of a threshold": (
        {"gates": [GATE | {"tolerance": 0.1}]},
        "tolerance belongs to relativeTo: leave it out",
    ),
    "a tolerance below none": ({"gates": [RELATIVE | {"tolerance": -0.1}]}, "greater than or equal to 0"),
    "a scenario's gate that compares with two": ({"scenarios": [NIGHT | {"gates": [GATE | RELATIVE]}]}, COMPARE),
    "a scenario without gates": ({"scenarios": [NIGHT | {"gates": []}]}, "spec.scenarios[0].gates"),
    "a scenario whose name has a slash": ({"scenarios": [NIGHT | {"name": "a/b"}]}, "spec.scenarios[0].name"),
    "a digest of what is not in S3": (
        {"datasets": [{"name": "a", "uri": "https://example.org/a.parquet", "digest": DIGEST}]},
        "a digest is compared before the launch, and that is possible for s3:// only: leave it out",
    ),
    "a digest of another kind": ({"datasets": [{"name": "a", "uri": "s3://data/a", "digest": "md5:0"}]}, "digest"),
    "a bucket without a slash": (
        {"datasets": [{"name": "a", "uri": "s3://data"}]},
        "an s3:// URI names a bucket and an object, or a folder with a slash at its end",
    ),
    "a history of nothing": ({"historyLimit": 0}, "greater than or equal to 1"),
    "a history without end": ({"historyLimit": 51}, "less than or equal to 50"),
    "two scenarios of one name": ({"scenarios": [NIGHT, NIGHT]}, "Duplicate value"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(namespace: str, case: str) -> None:
    assert_admitted(manifest(namespace, "TrainingRun", TRAINING | ACCEPTED[case]))


@pytest.mark.parametrize("case", REFUSED)
def test_refused(namespace: str, case: str) -> None:
    fields, words = REFUSED[case]
    assert_refused(manifest(namespace, "TrainingRun", TRAINING | fields), words)


def test_a_replay_has_no_scenarios(namespace: str) -> None:
    assert_refused(manifest(namespace, "TrainingRun", REPLAY | {"scenarios": [NIGHT]}), "leave gates and scenarios out")
