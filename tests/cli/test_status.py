"""`kubectl millwright status`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.conftest import Terminal, assert_golden

from millwright_cli.core.errors import Unavailable
from millwright_cli.core.kinds import DEPLOYMENT, TRAINING_RUN


@pytest.mark.parametrize(
    ("name", "reference"),
    {
        "a Model with all that belongs to it": "arr-delay",
        "a Deployment that went back": "mdep/delays-eu",
        "a Deployment in the middle of its steps": "modeldeployments/arr-delay",
        "a Deployment with an experiment": "mdep/taxi-out-lab",
        "a TrainingRun under way": "tr/arr-delay",
        "a TrainingRun that failed": "wide-net",
        "what the operator has not looked at": "trun/just-applied",
    }.items(),
)
def test_the_tree(terminal: Terminal, name: str, reference: str) -> None:
    assert_golden(f"status {name}", terminal.call("status", reference).stdout)


def test_as_json_it_has_the_same_with_names_as_in_yaml(terminal: Terminal) -> None:
    told = json.loads(terminal.call("status", "arr-delay", "-o", "json").stdout)
    assert (told["kind"], told["versions"][0]["servedBy"]) == ("Model", ["arr-delay (candidate)"])
    assert told["deployments"][0]["candidate"] == {"version": "8", "weight": 10, "step": 1}
    assert [run["name"] for run in told["trainingRuns"]] == ["just-applied", "arr-delay", "wide-net"]


@pytest.mark.parametrize(
    ("reference", "said"),
    {
        "nothing": "has no Model, Deployment or TrainingRun nothing: kubectl get mlops -n flights",
        "tr/nothing": "there is no TrainingRun nothing in namespace flights",
        "pod/nothing": "there is no kind 'pod' here: write model/NAME, mdep/NAME, trun/NAME",
        "tr/": "'tr/' names nothing",
    }.items(),
)
def test_what_is_not_there_is_said_with_what_to_do(terminal: Terminal, reference: str, said: str) -> None:
    assert said in terminal.call("status", reference, code=1).stderr


def test_another_namespace_is_named_by_an_option(terminal: Terminal) -> None:
    assert "-n elsewhere" in terminal.call("status", "arr-delay", "-n", "elsewhere", code=1).stderr


def test_an_api_that_does_not_answer_has_an_exit_code_of_its_own(terminal: Terminal) -> None:
    terminal.cluster.outage = Unavailable("the Kubernetes API does not answer: try again")
    assert terminal.call("status", "arr-delay", code=3).stderr.startswith("error: the Kubernetes API")


def then_interrupted(*events: Callable[[], Any]) -> Callable[[float], None]:
    """What happens while the command waits: one event after another, then Ctrl-C."""
    coming = iter(events)

    def wait(seconds: float) -> None:
        event = next(coming, None)
        if event is None:
            raise KeyboardInterrupt
        event()

    return wait


def test_watching_shows_changes_until_ctrl_c(terminal: Terminal) -> None:
    def the_train_step_ends() -> None:
        body = terminal.cluster.get(TRAINING_RUN, "flights", "arr-delay")
        body["status"]["tasks"][1]["state"] = "Succeeded"
        terminal.cluster.put(body)

    terminal.waits = then_interrupted(lambda: None, the_train_step_ends)
    lines = terminal.call("status", "tr/arr-delay", "--watch", "-o", "json", code=130).stdout.splitlines()
    assert [json.loads(line)["tasks"][1]["state"] for line in lines] == ["Running", "Succeeded"]


def test_watching_goes_on_when_the_api_is_away_for_a_while(terminal: Terminal) -> None:
    def outage() -> None:
        terminal.cluster.outage = Unavailable("the Kubernetes API does not answer")

    def back() -> None:
        terminal.cluster.outage = None

    terminal.waits = then_interrupted(outage, back)
    shown = terminal.call("status", "mdep/arr-delay", "-w", code=130).stdout
    assert "candidate  version 8  10 %" in shown


def test_of_many_runs_the_ones_under_way_and_the_newest_are_shown(terminal: Terminal) -> None:
    body = terminal.cluster.get(TRAINING_RUN, "flights", "wide-net")
    for number in range(10):
        at = f"2026-01-0{number}T00:00:00Z"
        terminal.cluster.put(body | {"metadata": body["metadata"] | {"name": f"n{number}", "creationTimestamp": at}})
    shown = json.loads(terminal.call("status", "arr-delay", "-o", "json").stdout)
    assert [run["name"] for run in shown["trainingRuns"]] == ["just-applied", "arr-delay", "n9", "n8", "n7"]
    assert shown["olderRuns"] == 8


def test_texts_of_the_cluster_are_no_markup(terminal: Terminal) -> None:
    body = terminal.cluster.get(DEPLOYMENT, "flights", "delays-eu")
    body["status"]["rejectedVersion"]["message"] = "[red]killed[/red] [/] :boom:"
    terminal.cluster.put(body)
    assert "[red]killed[/red] [/] :boom:" in terminal.call("status", "mdep/delays-eu").stdout
