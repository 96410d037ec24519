"""`kubectl millwright approve` and `replay`."""

import json
from typing import Any

import pytest
from tests.cli.conftest import Terminal

from millwright_cli.core.kinds import MODEL, TRAINING_RUN


def test_approving_adds_a_version_to_the_list(terminal: Terminal) -> None:
    told = terminal.call("approve", "arr-delay", "8").stdout
    assert told == 'Model arr-delay:\n  spec.approval.approvedVersions: ["6", "7"] → ["6", "7", "8"]\n'
    approval = terminal.cluster.get(MODEL, "flights", "arr-delay")["spec"]["approval"]
    assert approval == {"policy": "Manual", "approvedVersions": ["6", "7", "8"]}


def test_what_is_approved_already_is_left_as_it_is(terminal: Terminal) -> None:
    assert terminal.call("approve", "model/arr-delay", "7").stdout == "Model arr-delay: nothing to change\n"


@pytest.mark.parametrize(
    ("version", "said"),
    {
        "9": "tells of no version 9 (the newest are: 8, 7, 6, 5)",
        "5": "version 5 of arr-delay was registered by hand",
    }.items(),
)
def test_only_what_passed_its_gates_can_be_approved(terminal: Terminal, version: str, said: str) -> None:
    assert said in terminal.call("approve", "arr-delay", version, code=1).stderr
    assert terminal.cluster.patches == []


def test_a_model_that_approves_by_itself_says_what_to_do(terminal: Terminal) -> None:
    body = terminal.cluster.get(MODEL, "flights", "arr-delay")
    terminal.cluster.put(body | {"spec": {}})
    assert "set spec.approval.policy to Manual" in terminal.call("approve", "arr-delay", "8", code=1).stderr


def made(terminal: Terminal, *words: str) -> dict[str, Any]:
    """The TrainingRun that a replay made."""
    told = json.loads(terminal.call("replay", *words, "-o", "json").stdout)
    body = terminal.cluster.get(TRAINING_RUN, "flights", told["name"])
    assert (body["spec"], body["apiVersion"]) == (told["spec"], "millwright.dev/v1alpha1")
    return body


PLACED = {"nodePools": {"accelerator": "gpu"}, "queueName": "team-flights"}


@pytest.mark.parametrize(
    ("what", "wanted"),
    {
        "arr-delay:7": {"modelVersion": "7"},
        "model/arr-delay:7": {"modelVersion": "7"},
        "arr-delay": {"execution": "arr-delay-0000000008"},
        "tr/arr-delay": {"execution": "arr-delay-0000000008"},
        "arr-delay/arr-delay-0000000007": {"execution": "arr-delay-0000000007"},
        "trun/arr-delay/arr-delay-0000000007": {"execution": "arr-delay-0000000007"},
    }.items(),
)
def test_a_replay_runs_where_the_original_ran_and_names_no_parameters(
    terminal: Terminal, what: str, wanted: dict[str, str]
) -> None:
    body = made(terminal, what)
    assert body["spec"] == {"replayOf": wanted, "output": {"model": "arr-delay"}} | PLACED
    assert body["metadata"]["name"].startswith("arr-delay-replay-")


def test_a_replay_of_a_version_whose_run_is_gone_goes_where_the_platform_says(terminal: Terminal) -> None:
    body = terminal.cluster.get(MODEL, "flights", "arr-delay")
    body["status"]["versions"][1]["trainingRun"] = "gone"
    terminal.cluster.put(body)
    assert "nodePools" not in made(terminal, "arr-delay:7")["spec"]
    assert "nodePools" not in made(terminal, "arr-delay:2")["spec"], "older than what the status lists"


def test_it_says_how_to_follow_it(terminal: Terminal) -> None:
    told = terminal.call("replay", "arr-delay:7").stdout
    assert "is made: kubectl millwright status tr/arr-delay-replay-" in told


@pytest.mark.parametrize(
    ("what", "said"),
    {
        "arr-delay:9": "Model arr-delay has no version 9; it has 8, 7, 6, 5",
        "arr-delay:6": "version 6 was imported from s3://elsewhere/model.skops: no execution made it",
        "arr-delay:champion": "write MODEL:VERSION, for example arr-delay:7",
        ":7": "write MODEL:VERSION",
        "just-applied": "no execution of TrainingRun just-applied has ended yet",
        "arr-delay/nothing": "has no execution nothing; its history has arr-delay-0000000008, arr-delay-0000000007",
        "a/b/c": "write TRAININGRUN, or TRAININGRUN/KEY",
    }.items(),
)
def test_what_cannot_be_repeated_is_refused(terminal: Terminal, what: str, said: str) -> None:
    assert said in terminal.call("replay", what, code=1).stderr
