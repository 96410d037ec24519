"""Pipelines: the fake, Jobs of a real cluster that run a compiled pipeline, and a real Kubeflow Pipelines server.

Runs take seconds: all of a backend are started together, and each test waits for its own.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from demo.kube import RELEASE_NAMESPACE
from tests.contract.kube import kubectl
from tests.contract.waiting import until
from tests.fakes.pipelines import FakePipelines

from millwright.adapters.embedded import EmbeddedPipelines
from millwright.adapters.jobs import EXECUTION_LABEL, JobSettings
from millwright.adapters.kubeflow import KubeflowPipelines, KubeflowSettings
from millwright.adapters.kubeflow_api import Credentials, KubeflowApi
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.api.training_run import TrainingRunSpec
from millwright.core import ir
from millwright.core.actions import Launch
from millwright.core.execution import Cause, Execution, ObjectKey, Phase, PipelineRun, outlives_its_owner, spec_hash
from millwright.core.node_pools import NodePools
from millwright.ports import TRAINING_RUNS, Pipelines

TEXT = (Path(__file__).parent / "pipelines" / "hello.yaml").read_text()
PIPELINE = ir.parse(TEXT)
SETTINGS = JobSettings(
    image="millwright.local/runner:dev",
    tracking_uri="http://millwright-mlflow.millwright.svc",
    storage_secret="millwright-storage",
    resources={"requests": {"cpu": "100m", "memory": "256Mi"}},
)
SECONDS = 180.0
TRAINING_RUN = {
    "apiVersion": TRAINING_RUNS.api_version,
    "kind": "TrainingRun",
    "spec": {"pipeline": {"configMapRef": {"name": "absent"}}, "output": {"model": "absent"}, "suspend": True},
}


@dataclass(frozen=True)
class Scenario:
    """Parameters of the pipeline, and how the fake is told to end it."""

    parameters: Mapping[str, Any]
    ends: Cause | None = None


SCENARIOS = {
    "good": Scenario({"name": "there"}),
    "failing": Scenario(
        {"error": "no such table"}, Cause("Error", "before the end\nno such table", "finish", "pod", exit_code=1)
    ),
    "stopped": Scenario({"seconds": 8}),
    "pruned": Scenario({"seconds": 600}),
    "forgotten": Scenario({"name": "nobody"}),
}


@dataclass
class Backend:
    """A backend in which an execution of each scenario has been launched. `namespace`: None for the fake."""

    namespace: str | None
    uids: Mapping[str, str]
    fake: FakePipelines | None = None
    kubeflow: str = ""

    def execution(self, scenario: str, attempt: int = 1) -> Execution:
        """Each scenario has a TrainingRun of its own."""
        key = ObjectKey(self.namespace or "flights", scenario)
        return Execution(key, self.uids[scenario], spec_hash(spec(scenario)), attempt)

    def launch(self, scenario: str, attempt: int = 1) -> Launch:
        """The order to start an execution, without an MLflow run: that is another port's."""
        return Launch(self.execution(scenario, attempt), PIPELINE, SCENARIOS[scenario].parameters, spec(scenario))

    def pods(self, execution: Execution) -> str:
        """Names of the execution's pods."""
        words = ("-l", f"{EXECUTION_LABEL}={execution.key}", "--field-selector=status.phase=Running", "-o", "name")
        return kubectl("get", "pods", "-n", self.namespace, *words).stdout if self.namespace else ""

    def left_of(self, execution: Execution) -> str:
        """Names of all that carries the execution's label."""
        words = ("-l", f"{EXECUTION_LABEL}={execution.key}", "-o", "name")
        return kubectl("get", "jobs,configmaps", "-n", self.namespace, *words).stdout if self.namespace else ""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Pipelines]:
        """The port."""
        if self.fake:
            yield self.fake
            return
        cluster = await KubernetesCluster.connect()
        if not self.kubeflow:
            yield EmbeddedPipelines(cluster, SETTINGS, NodePools)
        else:
            api = KubeflowApi(self.kubeflow, Credentials(headers={"Authorization": f"Bearer {operator_token()}"}))
            chosen = KubeflowSettings(public_url=self.kubeflow, run_namespace="kubeflow", storage_keys=("A",))
            yield KubeflowPipelines(api, cluster, SETTINGS, chosen, NodePools)
            await api.close()
        await cluster.close()


def spec(scenario: str) -> TrainingRunSpec:
    """Of the scenario's TrainingRun."""
    pipeline = {"configMapRef": {"name": "hello"}}
    parameters = dict(SCENARIOS[scenario].parameters)
    return TrainingRunSpec.model_validate({"pipeline": pipeline, "parameters": parameters, "output": {"model": "m"}})


def operator_token() -> str:
    """The installed operator's own, for the audience of Kubeflow Pipelines."""
    account = ("-n", RELEASE_NAMESPACE, "millwright-operator", "--audience=pipelines.kubeflow.org")
    made = kubectl("create", "token", *account)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="module", params=["fake", "embedded", "kubeflow"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "fake":
        ends = tuple(scenario.ends for scenario in SCENARIOS.values())
        made = Backend(None, {name: f"uid-{name}" for name in SCENARIOS}, FakePipelines(outcomes=ends))
    else:
        namespace = request.getfixturevalue(f"{request.param}_namespace")
        kubectl("create", "secret", "generic", SETTINGS.storage_secret, "-n", namespace, "--from-literal=A=b")
        server = request.getfixturevalue("kubeflow_url") if request.param == "kubeflow" else ""
        made = Backend(namespace, asyncio.run(owners(namespace)), kubeflow=server)
    asyncio.run(launch_all(made))
    return made


async def owners(namespace: str) -> dict[str, str]:
    """UIDs of TrainingRuns that own the Jobs: the garbage collector deletes what has no living owner."""
    cluster = await KubernetesCluster.connect()
    for name in SCENARIOS:
        metadata = {"name": name, "namespace": namespace}
        await cluster.create(TRAINING_RUNS, TRAINING_RUN | {"metadata": metadata})
    found = {name: await settled(cluster, namespace, name) for name in SCENARIOS}
    await cluster.close()
    return found


async def settled(cluster: KubernetesCluster, namespace: str, name: str) -> str:
    """Marks a TrainingRun as done once the operator has looked at it: it leaves such runs, and their Jobs, alone."""

    async def reported() -> dict[str, Any] | None:
        body = await cluster.get(TRAINING_RUNS, namespace, name)
        return body if body and body.get("status", {}).get("conditions") else None

    body = await until(reported, f"the operator's report on {name} (`make install`)", 30)
    now = "2026-01-01T00:00:00Z"
    done = {"type": "Succeeded", "status": "True", "reason": "Contract", "message": "", "lastTransitionTime": now}
    done |= {"observedGeneration": body["metadata"]["generation"]}
    wanted = spec_hash(TrainingRunSpec.model_validate(body["spec"]))
    status = {"specHash": wanted, "conditions": [done]}
    await cluster.patch_status(TRAINING_RUNS, namespace, name, {"status": status})
    return str(body["metadata"]["uid"])


async def launch_all(backend: Backend) -> None:
    async with backend.connected() as port:
        for name in SCENARIOS:
            await port.launch(backend.launch(name), "")


@pytest.fixture
async def port(backend: Backend) -> AsyncIterator[Pipelines]:
    async with backend.connected() as connected:
        yield connected


async def ended(port: Pipelines, execution: Execution) -> PipelineRun:
    """The run when it is over."""

    async def over() -> PipelineRun | None:
        run = await port.find(execution)
        assert run is not None, "the run is gone"
        return run if run.phase in (Phase.SUCCEEDED, Phase.FAILED) else None

    return await until(over, f"the end of {execution.key}", SECONDS)


async def test_a_stopped_run_is_gone_with_its_pods_and_can_be_launched_anew(backend: Backend, port: Pipelines) -> None:
    execution = backend.execution("stopped")
    await until(lambda: _running(port, execution), "the run to begin", SECONDS)
    for _ in range(2):
        await port.stop(execution, execution.key)
    await until(lambda: _absent(port, execution), "the run to be gone", SECONDS)
    assert not backend.pods(execution)
    await port.launch(backend.launch("stopped"), "")
    assert (await ended(port, execution)).phase is Phase.SUCCEEDED


async def _running(port: Pipelines, execution: Execution) -> bool:
    run = await port.find(execution)
    return run is not None and run.phase is Phase.RUNNING


async def _absent(port: Pipelines, execution: Execution) -> bool:
    run = await port.find(execution)
    assert run is None or run.ending, "a run that was told to stop says so until it is gone"
    return run is None


async def test_an_execution_that_was_not_launched_is_absent(backend: Backend, port: Pipelines) -> None:
    assert await port.find(backend.execution("good", attempt=9)) is None


async def test_a_run_ends_well_and_tells_its_tasks(backend: Backend, port: Pipelines) -> None:
    run = await ended(port, backend.execution("good"))
    assert (run.phase, run.cause) == (Phase.SUCCEEDED, None)
    assert {(task.name, task.state) for task in run.tasks} == {("greet", "Succeeded"), ("finish", "Succeeded")}


async def test_launched_twice_it_is_one_run_that_has_ended_still(backend: Backend, port: Pipelines) -> None:
    before = await ended(port, backend.execution("good"))
    await port.launch(backend.launch("good"), "")
    assert await port.find(backend.execution("good")) == before


async def test_a_failed_run_names_its_task_exit_code_and_last_lines(backend: Backend, port: Pipelines) -> None:
    run = await ended(port, backend.execution("failing"))
    assert run.phase is Phase.FAILED and run.cause is not None
    assert (run.cause.reason, run.cause.task, run.cause.exit_code) == ("Error", "finish", 1)
    assert run.cause.message.splitlines()[-2:] == ["before the end", "no such table"]
    assert run.cause.pod_name and not run.cause.final


async def test_stopping_what_is_absent_is_fine(backend: Backend, port: Pipelines) -> None:
    absent = backend.execution("good", attempt=9)
    await port.stop(absent, absent.key)
    assert await port.find(absent) is None


async def test_strays_are_other_unfinished_executions_of_the_same_training_run(
    backend: Backend, port: Pipelines
) -> None:
    current, former = backend.execution("pruned", attempt=2), backend.execution("pruned")
    assert list(await port.strays(former)) == []
    assert list(await port.strays(current)) == [former.key]
    await ended(port, backend.execution("good"))
    assert list(await port.strays(backend.execution("good", attempt=2))) == []


async def test_of_a_pruned_run_nothing_is_left_however_often_it_is_pruned(backend: Backend, port: Pipelines) -> None:
    execution = backend.execution("pruned")
    for _ in range(2):
        await port.prune(execution, execution.key)
    assert await until(lambda: _absent(port, execution), "the run to be gone", SECONDS)
    assert list(await port.strays(replace(execution, attempt=2))) == []
    assert not backend.left_of(execution)


async def test_a_backend_forgets_a_training_run_with_all_its_executions(backend: Backend, port: Pipelines) -> None:
    execution = backend.execution("forgotten")
    await ended(port, execution)
    for _ in range(2):
        await port.forget(execution)
    run = await port.find(execution)
    assert run is None or not outlives_its_owner(run.reference.backend)
