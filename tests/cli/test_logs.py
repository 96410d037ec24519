"""`kubectl millwright logs`."""

import json
from typing import Any

import pytest
from tests.cli.conftest import Terminal

from millwright_cli.core.errors import Unavailable
from millwright_cli.core.kinds import TRAINING_RUN, Manifest

EXECUTION = "arr-delay-0000000009"


def pod(name: str, step: str, **labels: str) -> Manifest:
    common = {"millwright.dev/training-run": "arr-delay", "millwright.dev/execution": EXECUTION}
    metadata = {"name": name, "namespace": "flights", "creationTimestamp": "2026-01-03T00:02:00Z"}
    all_labels = common | {"millwright.dev/step": step} | {f"millwright.dev/{k}": v for k, v in labels.items()}
    spec = {"containers": [{"name": step}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | {"labels": all_labels}, "spec": spec}


def change(terminal: Terminal, **status: Any) -> None:
    body = terminal.cluster.get(TRAINING_RUN, "flights", "arr-delay")
    terminal.cluster.put(body | {"status": body["status"] | status})


@pytest.fixture
def embedded(terminal: Terminal) -> Terminal:
    """On a backend that runs all steps in one pod, and has packaged."""
    change(terminal, execution="arr-delay-0000000010", tasks=[{"name": "load", "state": "Running"}])
    for name, step in (("one", "pipeline"), ("two", "package")):
        body = pod(name, step)
        body["metadata"]["labels"]["millwright.dev/execution"] = "arr-delay-0000000010"
        terminal.cluster.put(body)
    terminal.cluster.logs |= {"one": ["Executing task", "[load] 81000 rows", "[train] epoch 1"], "two": ["stored"]}
    return terminal


def test_each_line_says_which_step_wrote_it(terminal: Terminal) -> None:
    lines = terminal.call("logs", "arr-delay").stdout.splitlines()
    assert lines == ["[load] reading [6] months", "[load] 81000 rows", "[train] epoch 1"]


def test_one_step_alone(terminal: Terminal) -> None:
    assert terminal.call("logs", "tr/arr-delay", "--task", "train").stdout == "[train] epoch 1\n"


def test_where_one_pod_runs_all_steps_the_lines_say_it_themselves(embedded: Terminal) -> None:
    lines = embedded.call("logs", "arr-delay").stdout.splitlines()
    assert lines == ["Executing task", "[load] 81000 rows", "[train] epoch 1", "[package] stored"]


@pytest.mark.parametrize(("task", "said"), {"train": "[train] epoch 1", "package": "[package] stored"}.items())
def test_one_step_alone_of_that_pod(embedded: Terminal, task: str, said: str) -> None:
    assert embedded.call("logs", "arr-delay", "--task", task).stdout == f"{said}\n"


def test_a_long_name_of_a_step_is_the_whole_one(terminal: Terminal) -> None:
    whole = "train-" + "x" * 80
    terminal.cluster.put(pod("long", "pipeline", task=f"{whole[:52]}-0123456789"))
    terminal.cluster.logs["long"] = ["hello"]
    change(terminal, tasks=[{"name": whole, "state": "Running", "podName": "long"}])
    assert terminal.call("logs", "arr-delay", "--task", whole).stdout == f"[{whole}] hello\n"


def test_servers_of_a_deployment(terminal: Terminal) -> None:
    assert terminal.call("logs", "mdep/arr-delay").stdout == "[arr-delay-aaaaaaaa-1] serving version 7\n"


def test_as_json_each_line_is_an_object(terminal: Terminal) -> None:
    first = terminal.call("logs", "arr-delay", "-o", "json").stdout.splitlines()[0]
    assert json.loads(first) == {"pod": f"{EXECUTION}-load", "task": "load", "text": "reading [6] months"}


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("wide-net",): "epoch 3 of 10\nKilled [out of memory]",
        ("just-applied",): "no pod of TrainingRun just-applied is there (state Pending)",
        ("arr-delay", "--task", "tain"): "no pod of task tain of TrainingRun arr-delay is there (state Running); "
        "its tasks are: load, train, evaluate",
        ("model/arr-delay",): "a Model has no pods",
        ("mdep/delays-eu",): "Deployment delays-eu has no pods: kubectl millwright status mdep/delays-eu says why",
        ("mdep/arr-delay", "--task", "train"): "--task is of TrainingRuns",
    }.items(),
)
def test_where_there_is_no_log_it_says_what_is_known(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    assert said in terminal.call("logs", *words, code=1).stderr


def test_a_pod_that_has_not_started_is_named(terminal: Terminal) -> None:
    del terminal.cluster.logs[f"{EXECUTION}-train"]
    done = terminal.call("logs", "arr-delay")
    assert "81000 rows" in done.stdout
    assert f"pod {EXECUTION}-train has not started: container main in pod" in done.stderr


def test_following_takes_up_pods_that_come_later_and_ends_with_the_run(terminal: Terminal) -> None:
    started = terminal.cluster.logs.pop(f"{EXECUTION}-train")

    def train_starts_and_evaluate_comes(_: float) -> None:
        terminal.cluster.logs[f"{EXECUTION}-train"] = started
        terminal.cluster.put(pod("evaluate-pod", "pipeline", task="evaluate"))
        terminal.cluster.logs["evaluate-pod"] = ["roc_auc 0.75"]
        change(terminal, state="Succeeded")

    terminal.waits = train_starts_and_evaluate_comes
    lines = terminal.call("logs", "arr-delay", "-f").stdout.splitlines()
    expected = ["[load] 81000 rows", "[load] reading [6] months", "[evaluate] roc_auc 0.75", "[train] epoch 1"]
    assert sorted(lines) == sorted(expected)


def test_following_waits_for_a_run_that_has_launched_nothing(terminal: Terminal) -> None:
    body = terminal.cluster.get(TRAINING_RUN, "flights", "just-applied")

    def it_fails(_: float) -> None:
        terminal.cluster.put(body | {"status": {"observedGeneration": 1, "state": "Failed"}})

    terminal.waits = it_fails
    assert "(state Failed)" in terminal.call("logs", "just-applied", "-f", code=1).stderr


def test_following_ends_where_the_api_goes_away(terminal: Terminal) -> None:
    def outage(_: float) -> None:
        terminal.cluster.outage = Unavailable("the Kubernetes API does not answer: try again")

    terminal.waits = outage
    assert "try again" in terminal.call("logs", "mdep/arr-delay", "-f", code=3).stderr
