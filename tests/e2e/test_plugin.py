"""`kubectl millwright`, found by kubectl on the PATH, on a team with two versions of which none is approved yet."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from demo.kube import kubectl
from tests.cli.console_script import install
from tests.e2e.conftest import Team, eventually

MANUAL = json.dumps({"spec": {"approval": {"policy": "Manual"}}})


@pytest.fixture(scope="module")
def reviewers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """With the plugin installed."""
    team = Team(f"e2e-plugin-{int(time.time())}")
    team.apply_example(regularization=0.5)
    kubectl("patch", "mmodel", "wine", "-n", team.namespace, "--type=merge", "-p", MANUAL)
    eventually("version 1 is made", lambda: team.status("mmodel").get("latestVersion") == "1", 400)
    team.apply_example(regularization=0.25)
    eventually("version 2 is made", lambda: team.status("mmodel").get("latestVersion") == "2", 400)
    eventually("its run says so", lambda: team.status("trainingrun").get("modelVersion") == "2")
    with patch.dict(os.environ, install(tmp_path_factory.mktemp("bin"))):
        yield team
    kubectl("delete", "namespace", team.namespace, "--wait=false")


def told(team: Team, *words: str) -> str:
    return kubectl("millwright", *words, "-n", team.namespace)


def as_json(team: Team, *words: str) -> dict[str, Any]:
    return dict(json.loads(told(team, *words, "-o", "json")))


def test_two_versions_are_compared_where_they_differ(reviewers: Team) -> None:
    sections = as_json(reviewers, "diff", "wine", "1", "2")["sections"]
    (parameter,) = (row for row in sections["parameters"] if row["name"] == "regularization")
    assert (parameter["first"], parameter["second"], parameter["change"]) == (0.5, 0.25, "changed")
    assert "held_out_accuracy" in {row["name"] for row in sections["metrics"]}


def test_a_version_that_is_approved_is_served(reviewers: Team) -> None:
    assert 'spec.approval.approvedVersions: (none) → ["2"]' in told(reviewers, "approve", "wine", "2")
    eventually("version 2 is served", lambda: reviewers.serves("2"))
    with pytest.raises(subprocess.CalledProcessError) as refused:
        told(reviewers, "approve", "wine", "9")
    assert refused.value.returncode == 1


def test_the_tree_tells_what_is_approved_served_and_trained(reviewers: Team) -> None:
    eventually("the Model tells who serves", lambda: reviewers.status("mmodel").get("deployedBy"))
    shown = told(reviewers, "status", "wine")
    for line in (
        "version 2  approved  champion",
        "served by wine (stable)",
        "version 1  not approved",
        "became version 2",
    ):
        assert line in shown
    run = as_json(reviewers, "status", "tr/wine")
    assert {task["name"]: task["state"] for task in run["tasks"]} == {
        "load-wines": "Succeeded",
        "train-classifier": "Succeeded",
    }


def test_logs_are_of_the_steps_and_of_the_servers(reviewers: Team) -> None:
    lines = told(reviewers, "logs", "wine", "--task", "train-classifier").splitlines()
    assert lines and all(line.startswith("[train-classifier] ") for line in lines)
    assert "[load-wines] " in told(reviewers, "logs", "tr/wine", "--follow"), "of a run that is over, it ends by itself"
    told(reviewers, "logs", "mdep/wine")
