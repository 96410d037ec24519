"""A person who only has kubectl learns what went wrong, and nothing else is harmed."""

import pytest
from demo.kube import kubectl
from tests.e2e.conftest import EXAMPLE, Team, eventually

PIPELINE = (EXAMPLE / "pipeline.yaml").read_text()


def run_of(team: Team, name: str, pipeline: str, **spec: object) -> None:
    """A TrainingRun of a pipeline text, in a ConfigMap of the same name, for the example's Model."""
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"pipeline.yaml": pipeline},
    }
    body = {"pipeline": {"configMapRef": {"name": name}}, "output": {"model": "wine"}} | spec
    run = {"apiVersion": "millwright.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": body}
    model = {"apiVersion": "millwright.dev/v1alpha1", "kind": "Model", "metadata": {"name": "wine"}}
    team.apply(model, config_map, run)


@pytest.fixture(scope="module", autouse=True)
def _runs(team: Team) -> None:
    """All at once: each of them takes some seconds."""
    run_of(team, "crashes", PIPELINE.replace("model.score(unseen, truth)", "1 / 0"))
    run_of(team, "misses-its-gate", PIPELINE, gates=[{"metric": "held_out_accuracy", "operator": ">", "threshold": 1}])
    run_of(team, "wrong-parameter", PIPELINE, parameters={"regularisation": 1})
    run_of(team, "no-pipeline", "kind: Pod")
    run_of(team, "too-slow", PIPELINE, activeDeadlineSeconds=1)


def failed(team: Team, name: str) -> dict[str, object]:
    """The TrainingRun's failure, once it will not get further."""
    eventually(f"{name} is stalled", lambda: team.condition("trainingrun", "Stalled", name).get("status") == "True")
    return dict(team.status("trainingrun", name).get("failure", {}))


def test_a_failed_step_says_which_task_its_exit_code_and_its_last_lines(team: Team) -> None:
    failure = failed(team, "crashes")
    assert (failure["reason"], failure["task"], failure["exitCode"]) == ("Error", "train-classifier", 1)
    assert "ZeroDivisionError" in str(failure["message"])
    assert "ZeroDivisionError" in kubectl("logs", "-n", team.namespace, str(failure["podName"]))


def test_a_missed_gate_says_the_numbers_and_registers_nothing(team: Team) -> None:
    failure = failed(team, "misses-its-gate")
    assert failure["reason"] == "GatesFailed"
    assert "held_out_accuracy > 1 does not hold" in str(failure["message"])
    assert "modelVersion" not in team.status("trainingrun", "misses-its-gate")


def test_an_unknown_parameter_is_named_before_anything_runs(team: Team) -> None:
    failed(team, "wrong-parameter")
    ready = team.condition("trainingrun", "Ready", "wrong-parameter")
    assert ready["reason"] == "InvalidParameter"
    assert "regularisation" in ready["message"]
    assert not team.pods("wrong-parameter")


def test_a_text_that_is_no_pipeline_starts_no_pod(team: Team) -> None:
    failed(team, "no-pipeline")
    assert team.condition("trainingrun", "Ready", "no-pipeline")["reason"] == "InvalidPipeline"
    assert not team.pods("no-pipeline")


def test_a_run_past_its_deadline_says_so(team: Team) -> None:
    assert failed(team, "too-slow")["reason"] == "DeadlineExceeded"


def test_a_deleted_run_leaves_no_pod_behind(team: Team) -> None:
    kubectl("delete", "trainingrun", "crashes", "-n", team.namespace)
    eventually("its pods are gone", lambda: not team.pods("crashes"))
