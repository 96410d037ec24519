"""`kubectl millwright diff`."""

import json

import pytest
from tests.cli.conftest import Terminal, assert_golden

from millwright_cli.core.errors import Failure, NotFound, Unavailable
from millwright_cli.core.kinds import MODEL
from millwright_cli.core.version_facts import Registered


class Down:
    """MLflow that does not answer, or refuses."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure

    def version(self, model: str, version: str) -> Registered:
        raise self._failure


def away(terminal: Terminal, failure: Failure | None = None) -> Terminal:
    terminal.registries = {"http://mlflow.example": Down(failure or Unavailable("MLflow does not answer"))}
    return terminal


def test_what_mlflow_knows_at_the_url_that_the_model_tells(terminal: Terminal) -> None:
    done = terminal.call("diff", "arr-delay", "7", "8")
    assert_golden("diff by MLflow", done.stdout)
    assert done.stderr == ""


def test_what_the_cluster_knows_where_mlflow_is_out_of_reach(terminal: Terminal) -> None:
    done = away(terminal).call("diff", "arr-delay", "7", "8")
    assert_golden("diff by the cluster", done.stdout)
    assert "note: MLflow does not answer, so this is what the cluster knows" in done.stderr
    assert "--tracking-uri or MLFLOW_TRACKING_URI" in done.stderr


def test_a_copy_that_is_gone_leaves_its_sections_out_and_says_so(terminal: Terminal) -> None:
    done = away(terminal).call("diff", "arr-delay", "6", "8")
    assert "the copy of what version 6 was made with is not in the cluster any more" in done.stderr
    assert "Parameters of the pipeline" not in done.stdout and "Package" in done.stdout


@pytest.mark.parametrize("by_option", [True, False])
def test_mlflow_is_named_by_an_option_or_the_environment(terminal: Terminal, by_option: bool) -> None:
    terminal.registries = {"http://localhost:5000": terminal.registries["http://mlflow.example"]}
    url = "http://localhost:5000"
    words = ("diff", "arr-delay", "7", "8", "-o", "json")
    named = (*words, "--tracking-uri", url)
    done = terminal.call(*named) if by_option else terminal.call(*words, MLFLOW_TRACKING_URI=url)
    rows = {row["name"]: row for row in json.loads(done.stdout)["sections"]["metrics"]}
    assert rows["roc_auc"] == {
        "name": "roc_auc",
        "first": 0.742,
        "second": 0.751,
        "change": "changed",
        "delta": rows["roc_auc"]["delta"],
    }
    assert rows["roc_auc"]["delta"] == pytest.approx(0.009)
    assert (rows["log_loss"]["second"], rows["log_loss"]["delta"]) == ("nan", None)


def test_a_named_mlflow_that_refuses_is_an_error_and_the_status_s_is_not(terminal: Terminal) -> None:
    away(terminal, Failure("MLflow refuses you: set MLFLOW_TRACKING_USERNAME"))
    assert "note: MLflow refuses you" in terminal.call("diff", "arr-delay", "7", "8").stderr
    words = ("diff", "arr-delay", "7", "8", "--tracking-uri", "http://mlflow.example")
    assert "error: MLflow refuses you" in terminal.call(*words, code=1).stderr


def test_a_version_that_there_is_not_is_an_error(terminal: Terminal) -> None:
    assert "no version 9" in terminal.call("diff", "arr-delay", "7", "9", code=1).stderr
    told = away(terminal).call("diff", "arr-delay", "7", "9", code=1).stderr
    assert "Model arr-delay tells of no version 9 (its newest: 8, 7, 6, 5)" in told
    away(terminal, NotFound("MLflow: no such version"))
    assert "no such version" in terminal.call("diff", "arr-delay", "7", "8", code=1).stderr


def test_a_model_that_is_not_registered_yet_has_no_versions(terminal: Terminal) -> None:
    terminal.cluster.put(terminal.cluster.get(MODEL, "flights", "arr-delay") | {"status": {"observedGeneration": -1}})
    assert "(its newest: none yet)" in terminal.call("diff", "arr-delay", "7", "8", code=1).stderr
