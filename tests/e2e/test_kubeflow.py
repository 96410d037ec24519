"""The same TrainingRun on a real Kubeflow Pipelines server: placed, followed, explained, stopped and forgotten."""

from collections.abc import Iterator

import pytest
from demo.kube import kubectl
from tests.e2e.conftest import eventually
from tests.e2e.kubeflow import ENDING, NAMESPACE, SHAPES, KubeflowTeam, ask, runs

MANY_GPUS = SHAPES.replace("resourceCount: '1'", "resourceCount: '64'").replace("count: '1'", "count: '64'")
NO_IMAGE = ENDING.replace("millwright.local/runner:dev", "millwright.local/absent:dev")


@pytest.fixture(scope="module")
def kubeflow() -> Iterator[KubeflowTeam]:
    """A team with runs of all kinds, started at once: each of them takes about a minute."""
    team = KubeflowTeam(NAMESPACE)
    team.run("wide", SHAPES, parameters={"slices": 20, "gpu": True})
    team.run("exits", parameters={"mode": "exit"}, backoffLimit=1)
    team.run("hungry", parameters={"mode": "memory"})
    team.run("imageless", NO_IMAGE)
    team.run("slow", parameters={"seconds": 600}, activeDeadlineSeconds=60)
    team.run("costly", parameters={"seconds": 600}, budget={"maxCost": "0.0005"})
    team.run("paused", parameters={"seconds": 30})
    team.run("waiting", MANY_GPUS, parameters={"gpu": True})
    yield team
    kubectl("delete", "namespace", NAMESPACE, "--timeout=120s", "--ignore-not-found")


def test_suspending_stops_the_pods_and_resuming_goes_on_to_the_end(kubeflow: KubeflowTeam) -> None:
    kubeflow.has_begun("paused")
    kubeflow.set("paused", suspend=True)
    eventually("it is suspended", lambda: kubeflow.status("trainingrun", "paused")["state"] == "Suspended")
    selector = "millwright.dev/training-run=paused"
    running = ("--field-selector=status.phase=Running", "-o", "name")
    eventually("its pods are gone", lambda: not kubectl("get", "pods", "-n", NAMESPACE, "-l", selector, *running))
    kubeflow.set("paused", suspend=False)
    status = kubeflow.succeeds("paused")
    assert (status["failures"], kubeflow.task("paused", "finish")["state"]) == (0, "Succeeded")
    assert kubeflow.outcomes("paused") == ["Succeeded"]
    assert [run["storage_state"] for run in runs("paused")] == ["ARCHIVED", "AVAILABLE"]


def test_a_step_that_finds_no_node_says_why_and_another_change_of_spec_ends_it(kubeflow: KubeflowTeam) -> None:
    said = eventually("why it waits", lambda: kubeflow.task("waiting", "accelerate").get("message"), 240)
    assert "Insufficient nvidia.com/gpu" in said
    assert kubeflow.task("waiting", "accelerate")["nodePool"] == "gpu"
    kubectl("delete", "trainingrun", "waiting", "-n", NAMESPACE, "--timeout=60s")
    assert runs("waiting") == []
    assert "waiting" not in experiments()


def test_a_failed_step_is_tried_again_and_tells_the_users_own_words(kubeflow: KubeflowTeam) -> None:
    failure = kubeflow.fails("exits")
    assert (failure["reason"], failure["task"], failure["exitCode"]) == ("Error", "finish", 3)
    assert failure["message"].splitlines()[-1] == "the last words of the user's code"
    assert kubeflow.outcomes("exits") == ["Error", "Error"]
    assert [run["state"] for run in runs("exits")] == ["FAILED", "FAILED"]
    assert kubeflow.labelled("trainingruns", "millwright.dev/failure-reason=Error")


def test_a_step_that_takes_too_much_memory_is_said_to(kubeflow: KubeflowTeam) -> None:
    failure = kubeflow.fails("hungry")
    assert (failure["reason"], failure["task"]) == ("OOMKilled", "finish")


def test_an_image_that_is_not_there_is_said_and_ends_the_run_after_a_while(kubeflow: KubeflowTeam) -> None:
    failure = kubeflow.fails("imageless")
    assert failure["reason"] in ("ImagePullBackOff", "ErrImagePull")
    assert "millwright.local/absent:dev" in failure["message"]


@pytest.mark.parametrize(("name", "reason"), [("slow", "DeadlineExceeded"), ("costly", "BudgetExceeded")])
def test_a_run_past_its_limit_is_stopped(kubeflow: KubeflowTeam, name: str, reason: str) -> None:
    assert kubeflow.fails(name)["reason"] == reason
    eventually("the server knows", lambda: [run["state"] for run in runs(name)] == ["FAILED"])


def test_twenty_slices_and_a_gpu_step_run_on_their_pools_and_become_a_model(kubeflow: KubeflowTeam) -> None:
    status = kubeflow.succeeds("wide", seconds=600)
    assert {task["name"]: task["state"] for task in status["tasks"]} == dict.fromkeys(
        ("count", "square", "accelerate", "finish"), "Succeeded"
    )
    assert kubeflow.task("wide", "square")["message"] == "20 of 20 pods succeeded"
    pods = kubeflow.labelled("pods", "millwright.dev/training-run=wide,millwright.dev/node-pool")
    nodes = {(pod["metadata"]["labels"]["millwright.dev/task"], pod["spec"]["nodeName"]) for pod in pods}
    assert nodes == {("count", "node0"), ("square", "node0"), ("finish", "node0"), ("accelerate", "node1")}
    assert [run["state"] for run in runs("wide")] == ["SUCCEEDED"]
    assert float(status["cost"]["amount"]) > 0
    assert status["modelVersion"] in {v["version"] for v in kubeflow.status("model", "shapes")["versions"]}


def test_a_deleted_namespace_leaves_nothing_on_the_server(kubeflow: KubeflowTeam) -> None:
    assert experiments()
    kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")
    assert experiments() == []


def experiments() -> list[str]:
    """Names of the namespace's experiments that the server knows."""
    found = ask(f"experiments?namespace={NAMESPACE}&page_size=100").get("experiments", [])
    return [experiment["display_name"] for experiment in found]
