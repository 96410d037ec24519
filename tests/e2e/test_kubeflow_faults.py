"""Things that happen to a Kubeflow: in the end there is one run that counts, or a clear word of what went wrong."""

from collections.abc import Iterator

import pytest
from demo.kube import kubectl
from tests.e2e.conftest import eventually
from tests.e2e.kubeflow import NAMESPACE, KubeflowTeam, ask, runs

pytestmark = pytest.mark.apart

RUN_LABEL = "pipeline/runid"
DRAINED = "e2e.millwright.dev/drained"


@pytest.fixture(scope="module")
def kubeflow() -> Iterator[KubeflowTeam]:
    """A team with four runs that take a while, and one for the GPU pool."""
    team = KubeflowTeam(NAMESPACE)
    team.run("evicted", parameters={"seconds": 30}, backoffLimit=0, nodePools={"default": "gpu"})
    for name in ("run-deleted", "workflow-deleted", "pod-deleted", "server-down"):
        team.run(name, parameters={"seconds": 30}, backoffLimit=1 if name == "workflow-deleted" else 0)
    yield team
    kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")


def run_id(team: KubeflowTeam, name: str) -> str:
    return str(team.status("trainingrun", name)["pipelineRun"]["id"])


@pytest.fixture(scope="module", autouse=True)
def _faults(kubeflow: KubeflowTeam) -> None:
    """All faults at once: what happens to one run does not touch another."""
    for name in ("run-deleted", "workflow-deleted", "pod-deleted"):
        kubeflow.has_begun(name)
    ask(f"runs/{run_id(kubeflow, 'run-deleted')}", method="DELETE")
    selector = f"{RUN_LABEL}={run_id(kubeflow, 'workflow-deleted')}"
    kubectl("delete", "workflow", "-n", NAMESPACE, "-l", selector)
    selector = f"{RUN_LABEL}={run_id(kubeflow, 'pod-deleted')},millwright.dev/task=finish"
    kubectl("delete", "pod", "-n", NAMESPACE, "-l", selector, "--wait=false")


def test_a_run_on_a_drained_node_was_evicted(kubeflow: KubeflowTeam) -> None:
    kubeflow.has_begun("evicted")
    kubectl("taint", "node", "node1", f"{DRAINED}=now:NoExecute")
    try:
        outcomes = eventually("it was evicted", lambda: kubeflow.outcomes("evicted"))
        assert outcomes in (["Evicted"], ["PodLost"])  # the pod may be gone already
    finally:
        kubectl("taint", "node", "node1", f"{DRAINED}-")


def test_a_run_that_somebody_deleted_is_run_again(kubeflow: KubeflowTeam) -> None:
    kubeflow.succeeds("run-deleted")
    assert kubeflow.outcomes("run-deleted") == ["Succeeded"]
    assert [run["state"] for run in runs("run-deleted")] == ["SUCCEEDED"]


def test_a_workflow_that_somebody_deleted_counts_as_a_failed_attempt(kubeflow: KubeflowTeam) -> None:
    kubeflow.succeeds("workflow-deleted")
    assert kubeflow.outcomes("workflow-deleted") == ["Succeeded", "WorkflowLost"]


def test_a_pod_that_somebody_deleted_costs_no_attempt(kubeflow: KubeflowTeam) -> None:
    status = kubeflow.succeeds("pod-deleted")
    assert kubeflow.outcomes("pod-deleted") == ["Succeeded", "PodLost"]
    assert status["failures"] == 0


def test_a_server_that_is_down_for_a_while_is_said_and_loses_nothing(kubeflow: KubeflowTeam) -> None:
    for name in ("run-deleted", "workflow-deleted", "pod-deleted"):
        kubeflow.succeeds(name)
    kubeflow.run("during", parameters={"seconds": 5})
    scale(0)
    try:
        ready = eventually(
            "the operator says so",
            lambda: kubeflow.condition("trainingrun", "Ready", "during").get("reason") == "KubeflowUnavailable",
        )
        assert ready
    finally:
        scale(1)
    kubectl("rollout", "status", "deployment/ml-pipeline", "-n", "kubeflow", "--timeout=120s")
    kubeflow.succeeds("during")
    assert len(runs("during")) == 1
    assert len(runs("server-down")) == 1


def test_a_drained_node_has_cost_no_attempt(kubeflow: KubeflowTeam) -> None:
    status = kubeflow.succeeds("evicted")
    assert (len(kubeflow.outcomes("evicted")), status["failures"]) == (2, 0)


def scale(replicas: int) -> None:
    kubectl("scale", "deployment/ml-pipeline", "-n", "kubeflow", f"--replicas={replicas}")
