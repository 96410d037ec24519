"""What the kubeflow backend submits, and what it keeps of it, on a server that only remembers."""

from dataclasses import replace
from typing import Any, cast

import pytest
from tests.fakes.cluster import FakeCluster

from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubeflow import KubeflowPipelines, KubeflowSettings
from millwright.adapters.kubeflow_api import KubeflowApi, Server
from millwright.api.training_run import TrainingRunSpec
from millwright.core import ir
from millwright.core.actions import Launch
from millwright.core.execution import Execution, ObjectKey, Runtime
from millwright.core.node_pools import NodePools
from millwright.ports import CONFIG_MAPS, RejectedError

IR = """
pipelineInfo: {name: arr-delay}
components: {comp-train: {executorLabel: exec-train}}
deploymentSpec: {executors: {exec-train: {container: {image: "example/team:7"}}}}
root:
  dag: {tasks: {train: {cachingOptions: {enableCache: true}, componentRef: {name: comp-train}}}}
"""
EXECUTION = Execution(ObjectKey("flights", "arr-delay"), "uid", "hash", 1)
OUTPUT = {"output": {"model": "arr-delay"}}
SPEC = TrainingRunSpec.model_validate(OUTPUT | {"pipeline": {"configMapRef": {"name": "p"}}})
LAUNCH = Launch(EXECUTION, ir.parse(IR), {}, SPEC, {"schemaVersion": 1})


class RememberingApi:
    """As much of KubeflowApi as a launch needs; `copies`: of what there was a copy when a run was submitted."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.runs: list[dict[str, Any]] = []
        self.copies: list[str] = []
        self.experiments: dict[str, dict[str, str]] = {}
        self._cluster = cluster

    async def server(self) -> Server:
        return Server("2.14.3", multi_user=True)

    async def experiment(self, namespace: str, name: str) -> dict[str, str] | None:
        return self.experiments.get(name)

    async def create_experiment(self, namespace: str, name: str, description: str) -> str | None:
        if name in self.experiments:
            return None
        self.experiments[name] = {"experiment_id": "new", "display_name": name, "description": description}
        return "new"

    async def runs_named(self, namespace: str, name: str) -> list[dict[str, Any]]:
        return [run | {"run_id": "1", "state": "RUNNING"} for run in self.runs if run["display_name"] == name]

    async def create_run(self, body: dict[str, Any]) -> dict[str, Any]:
        self.runs.append(body)
        self.copies += [name for plural, _, name in self._cluster.objects if plural == CONFIG_MAPS.plural]
        return body | {"run_id": "1", "state": "PENDING"}


def backend(cluster: FakeCluster, api: RememberingApi) -> KubeflowPipelines:
    jobs = JobSettings(image="runner:1", tracking_uri="http://mlflow", storage_secret="storage", resources={})
    settings = KubeflowSettings(public_url="http://kubeflow", run_namespace="kubeflow", storage_keys=())
    return KubeflowPipelines(cast(KubeflowApi, api), cluster, jobs, settings, NodePools)


def caching(api: RememberingApi) -> Any:
    spec = api.runs[-1]["pipeline_spec"]
    return spec.get("pipeline_spec", spec)["root"]["dag"]["tasks"]["train"]["cachingOptions"]


async def test_the_copy_is_kept_before_the_run_is_submitted_and_is_of_the_pipeline_as_it_was_named() -> None:
    cluster = FakeCluster()
    api = RememberingApi(cluster)
    await backend(cluster, api).launch(LAUNCH, "run-1")
    assert api.copies == [EXECUTION.key]
    body = await cluster.get(CONFIG_MAPS, "flights", EXECUTION.key)
    assert body is not None and ir.parse(body["data"]["pipeline.yaml"]) == LAUNCH.pipeline
    assert "MLFLOW_RUN_ID" in str(api.runs) and "MLFLOW_RUN_ID" not in str(body)


async def test_a_run_that_is_there_keeps_its_copy_whatever_is_launched_again() -> None:
    cluster = FakeCluster()
    api = RememberingApi(cluster)
    port = backend(cluster, api)
    await port.launch(LAUNCH, "run-1")
    await port.launch(replace(LAUNCH, arguments={"months": "1"}), "run-1")
    body = await cluster.get(CONFIG_MAPS, "flights", EXECUTION.key)
    assert len(api.runs) == 1 and body is not None and body["data"]["parameters.json"] == "{}"


async def test_what_may_not_use_the_cache_is_computed() -> None:
    cluster = FakeCluster()
    api = RememberingApi(cluster)
    await backend(cluster, api).launch(LAUNCH, "run-1")
    assert caching(api) == {"enableCache": True}
    api.runs.clear()
    await backend(cluster, api).launch(replace(LAUNCH, may_use_cache=False), "run-1")
    assert caching(api) == {}


async def test_it_tells_its_server_s_version() -> None:
    cluster = FakeCluster()
    found = await backend(cluster, RememberingApi(cluster)).runtime("flights")
    assert found == Runtime("kubeflow", "2.14.3", "runner:1")


async def test_an_experiment_of_somebody_else_is_neither_used_nor_deleted() -> None:
    api = RememberingApi(FakeCluster())
    theirs = {"experiment_id": "theirs", "display_name": EXECUTION.run.name, "description": "my own runs"}
    api.experiments[EXECUTION.run.name] = theirs
    with pytest.raises(RejectedError, match=r"has an experiment .* that is not of this TrainingRun"):
        await backend(FakeCluster(), api).launch(LAUNCH, "run-1")
    await backend(FakeCluster(), api).forget(EXECUTION)
    assert api.experiments == {EXECUTION.run.name: theirs} and api.runs == []
