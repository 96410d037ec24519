"""What placing writes into a compiled pipeline, and what it leaves alone."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from tests.unit.core.irs import documents

from millwright.api.training_run import NodePoolSelection
from millwright.core import ir
from millwright.core.environment import SecretEnvironment
from millwright.core.ir import Pipeline
from millwright.core.node_pools import InvalidPlacement, NodePool, NodePools, Toleration
from millwright.core.placement import Placed, Placement, place, task_label

Json = dict[str, Any]
CPU = NodePool(
    "cpu", {"millwright.dev/pool": "cpu"}, requests={"cpu": "250m", "memory": "1Gi"}, limits={"memory": "2Gi"}
)
GPU = NodePool(
    "gpu",
    {"millwright.dev/pool": "gpu"},
    (Toleration("nvidia.com/gpu", "Equal", "present", "NoSchedule", 90),),
    "nvidia.com/gpu",
    Decimal("1.50"),
)
PLACEMENT = Placement(
    NodePools({"cpu": CPU, "gpu": GPU}, default="cpu"),
    image="example/runner:1",
    environment={"MLFLOW_RUN_ID": "r1", "MILLWRIGHT_EXECUTION": "e1", "HOME": "/tmp"},
    secrets=(SecretEnvironment("storage", ("AWS_KEY", "AWS_SECRET")),),
    labels={"millwright.dev/model": "arr-delay", "team": "flights"},
    annotations={"millwright.dev/run": "a run"},
    image_pull_policy="IfNotPresent",
)
PLACED_IN_CONTAINER = ("image", "env", "resources")
PLACED_IN_CONFIG = (
    "nodeSelector",
    "tolerations",
    "podMetadata",
    "imagePullPolicy",
    "secretAsEnv",
    "configMapAsEnv",
    "fieldPathAsEnv",
)


def placed(container: Json, config: Json | None = None, placement: Placement = PLACEMENT) -> tuple[Json, Json]:
    """Container and Kubernetes config of the one step `train` after placing."""
    spec = {"pipelineInfo": {"name": "p"}, "deploymentSpec": {"executors": {"exec-train": {"container": container}}}}
    platform = (
        {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-train": config}}}}} if config else {}
    )
    pipeline = place(ir.parse(Pipeline(spec, platform).text()), placement).pipeline
    return pipeline.executors["exec-train"]["container"], pipeline.platform_executors["exec-train"]


def unplaced(pipeline: Pipeline) -> tuple[Json, Json]:
    """Everything but the fields that placing writes."""
    spec, configs = copy.deepcopy(dict(pipeline.spec)), copy.deepcopy(dict(pipeline.platform_executors))
    for executor in spec["deploymentSpec"]["executors"].values():
        for name in PLACED_IN_CONTAINER:
            executor.get("container", {}).pop(name, None)
    for config in configs.values():
        for name in PLACED_IN_CONFIG:
            config.pop(name, None)
    rest = pipeline.with_executors({}, {}).platform if pipeline.platform else {}
    return spec, {"executors": {label: config for label, config in configs.items() if config}, "rest": rest}


def written(both: tuple[Json, Json]) -> Pipeline:
    return ir.parse(Pipeline(*both).text())


@given(documents())
def test_what_is_placed_is_read_back_the_same(both: tuple[Json, Json]) -> None:
    result = place(written(both), PLACEMENT).pipeline
    assert ir.parse(result.text()) == result


@given(documents())
def test_only_placement_changes(both: tuple[Json, Json]) -> None:
    before = written(both)
    after = place(before, PLACEMENT).pipeline
    spec, platform = unplaced(after)
    assert spec == unplaced(before)[0]
    assert platform["executors"] == unplaced(before)[1]["executors"]
    assert before == Pipeline(*both)


@given(documents())
def test_what_else_the_platform_document_says_stays(both: tuple[Json, Json]) -> None:
    before = written(both)
    after = place(before, PLACEMENT).pipeline
    if before.platform:
        assert unplaced(after)[1]["rest"] == unplaced(before)[1]["rest"]


@given(documents())
def test_placing_twice_is_placing_once(both: tuple[Json, Json]) -> None:
    once = place(written(both), PLACEMENT)
    assert place(once.pipeline, PLACEMENT) == once


@given(documents())
def test_what_the_author_wrote_survives(both: tuple[Json, Json]) -> None:
    before = written(both)
    after = place(before, PLACEMENT).pipeline
    for step in before.steps:
        label = f"exec-{step.name}"
        container, config = before.executors[label]["container"], before.platform_executors.get(label, {})
        new_container, new_config = after.executors[label]["container"], after.platform_executors[label]
        assert container.get("resources", {}).items() <= new_container.get("resources", {}).items()
        theirs = {e["name"]: e["value"] for e in container.get("env", []) if e["name"] not in PLACEMENT.environment}
        assert theirs.items() <= {e["name"]: e["value"] for e in new_container["env"]}.items()
        for field, ours in (("labels", PLACEMENT.labels), ("annotations", PLACEMENT.annotations)):
            wanted = config.get("podMetadata", {}).get(field, {}).items()
            kept = new_config["podMetadata"].get(field, {})
            assert {
                (k, v) for k, v in wanted if k not in ours and not k.startswith("millwright.dev/node")
            } <= kept.items()
        selector = new_config.get("nodeSelector", {}).get("labels", {})
        assert {*config.get("nodeSelector", {}).get("labels", {})} <= {*selector}


@given(documents())
def test_each_variable_comes_from_one_place_and_ours_from_the_platform(both: tuple[Json, Json]) -> None:
    after = place(written(both), PLACEMENT).pipeline
    for step in after.steps:
        container = after.executors[f"exec-{step.name}"]["container"]
        plain = {entry["name"]: entry["value"] for entry in container["env"]}
        config = after.platform_executors[f"exec-{step.name}"]
        elsewhere = json.dumps([config.get(name) for name in ("secretAsEnv", "configMapAsEnv", "fieldPathAsEnv")])
        assert (plain["MLFLOW_RUN_ID"], plain["MILLWRIGHT_EXECUTION"]) == ("r1", "e1")
        assert "MLFLOW_RUN_ID" not in elsewhere
        assert "AWS_SECRET" in elsewhere


@given(documents())
def test_every_step_carries_its_name_and_its_pool(both: tuple[Json, Json]) -> None:
    result: Placed = place(written(both), PLACEMENT)
    assert set(result.pool_of) == {step.name for step in result.pipeline.steps}
    for name, pool in result.pool_of.items():
        config = result.pipeline.platform_executors[f"exec-{name}"]
        labels = config["podMetadata"]["labels"]
        assert (labels["millwright.dev/node-pool"], labels["millwright.dev/model"]) == (pool, "arr-delay")
        assert len(labels["millwright.dev/task"]) <= 63 and name.startswith(labels["millwright.dev/task"][:50])
        assert config["nodeSelector"]["labels"]["millwright.dev/pool"] == pool


def test_a_step_on_the_gpu_pool_is_selected_and_tolerates_its_taint() -> None:
    asked = {"accelerator": {"type": "nvidia.com/gpu", "count": "1"}}
    container, config = placed({"image": "example/team:7", "resources": asked})
    assert container["resources"] == asked
    assert config["nodeSelector"] == {"labels": {"millwright.dev/pool": "gpu"}}
    taint = {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    assert config["tolerations"] == [taint | {"tolerationSeconds": 90}]


def test_the_pools_node_selector_and_toleration_win_over_the_authors() -> None:
    taint = {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    theirs = {
        "nodeSelector": {"labels": {"millwright.dev/pool": "cpu", "disk": "ssd"}},
        "tolerations": [taint | {"tolerationSeconds": "5"}, {"key": "team", "operator": "Exists"}],
    }
    asked = {"accelerator": {"type": "nvidia.com/gpu", "count": "1"}}
    _, config = placed({"image": "i", "resources": asked}, theirs)
    assert config["nodeSelector"] == {"labels": {"millwright.dev/pool": "gpu", "disk": "ssd"}}
    assert config["tolerations"] == [taint | {"tolerationSeconds": 90}, {"key": "team", "operator": "Exists"}]


IMAGES = {
    "kfp's default": ("python:3.11", "example/runner:1"),
    "none": ("", "example/runner:1"),
    "its own": ("example/team:7", "example/team:7"),
    "one that a parameter names": ("{{$.inputs.parameters['base_image']}}", "{{$.inputs.parameters['base_image']}}"),
}


@pytest.mark.parametrize(("image", "expected"), IMAGES.values(), ids=IMAGES.keys())
def test_the_platforms_image_stands_in_where_the_step_names_none_of_its_own(image: str, expected: str) -> None:
    assert placed({"image": image})[0]["image"] == expected


DEFAULTS: dict[str, tuple[Json, Json]] = {
    "all, where the author said nothing": (
        {},
        {"resourceCpuRequest": "250m", "resourceMemoryRequest": "1Gi", "resourceMemoryLimit": "2Gi"},
    ),
    "none for memory, where the author bounded it": (
        {"resourceMemoryLimit": "512Mi"},
        {"resourceMemoryLimit": "512Mi", "resourceCpuRequest": "250m"},
    ),
    "none for cpu, where the author gave a number": (
        {"cpuLimit": 1.0},
        {"cpuLimit": 1.0, "resourceMemoryRequest": "1Gi", "resourceMemoryLimit": "2Gi"},
    ),
}


@pytest.mark.parametrize(("theirs", "expected"), DEFAULTS.values(), ids=DEFAULTS.keys())
def test_the_pools_amounts_are_taken(theirs: Json, expected: Json) -> None:
    assert placed({"image": "i", "resources": theirs})[0]["resources"] == expected


def test_variables_of_other_names_stay_the_authors() -> None:
    container, config = placed(
        {"image": "i", "env": [{"name": "HOME", "value": "/me"}, {"name": "AWS_KEY", "value": "mine"}]},
        {"secretAsEnv": [{"secretName": "s", "keyToEnv": [{"secretKey": "k", "envVar": "MLFLOW_RUN_ID"}]}]},
    )
    assert {"name": "HOME", "value": "/me"} in container["env"]
    assert {"name": "MLFLOW_RUN_ID", "value": "r1"} in container["env"]
    key = {"secretKey": "AWS_SECRET", "envVar": "AWS_SECRET"}
    assert config["secretAsEnv"] == [{"secretName": "storage", "keyToEnv": [key]}]


def test_a_pool_label_that_the_author_forged_is_taken_away_where_there_is_no_pool() -> None:
    forged = {"podMetadata": {"labels": {"millwright.dev/node-pool": "gpu", "a": "b"}}}
    _, config = placed({"image": "i"}, forged, Placement(NodePools(), image="r"))
    assert config["podMetadata"]["labels"] == {"a": "b", "millwright.dev/task": "train"}


def test_a_node_selector_from_a_parameter_cannot_be_joined_with_a_pools() -> None:
    theirs = {"nodeSelector": {"nodeSelectorJson": {"componentInputParameter": "selector"}}}
    with pytest.raises(InvalidPlacement, match="choose the pool by spec"):
        placed({"image": "i"}, theirs)


def test_a_selection_sends_a_step_to_its_pool() -> None:
    selection = NodePoolSelection(steps={"train": "gpu"})
    placement = Placement(PLACEMENT.pools, image="r", selection=selection)
    assert placed({"image": "i"}, None, placement)[1]["podMetadata"]["labels"]["millwright.dev/node-pool"] == "gpu"


def test_long_step_names_make_labels_that_differ() -> None:
    first, second = task_label("a" * 80 + "b"), task_label("a" * 80 + "c")
    assert first != second and len(first) == len(second) == 63
    assert task_label("train") == "train"
