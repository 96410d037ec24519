"""What a real Kubeflow Pipelines server refuses, and what of that the operator makes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.contract.test_pipelines import PIPELINE, SETTINGS, operator_token, spec

from millwright.adapters.kubeflow import KubeflowPipelines, KubeflowSettings
from millwright.adapters.kubeflow_api import Credentials, KubeflowApi
from millwright.adapters.kubernetes import KubernetesCluster
from millwright.core.actions import Launch
from millwright.core.execution import Execution, ObjectKey
from millwright.core.ir import Pipeline
from millwright.core.node_pools import NodePools
from millwright.ports import DependencyError, RejectedError

NEWER = Pipeline({**PIPELINE.spec, "schemaVersion": "99.0.0", "whatIsToCome": {}}, PIPELINE.platform)


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[tuple[KubeflowApi, KubeflowPipelines]]:
    """The API and the backend, by that token."""
    cluster = await KubernetesCluster.connect()
    api = KubeflowApi(url, Credentials(headers={"Authorization": f"Bearer {token}"}))
    chosen = KubeflowSettings(public_url=url, run_namespace="kubeflow", storage_keys=())
    yield api, KubeflowPipelines(api, cluster, SETTINGS, chosen, NodePools)
    await api.close()
    await cluster.close()


def launch(namespace: str, name: str) -> Launch:
    """Of a TrainingRun that is nowhere else."""
    return Launch(Execution(ObjectKey(namespace, name), "uid", "hash", 1), PIPELINE, {}, spec("good"))


async def test_credentials_that_the_server_does_not_take_are_the_platforms_to_put_right(
    kubeflow_namespace: str, kubeflow_url: str
) -> None:
    wanted = launch(kubeflow_namespace, "unknown")
    async with connected(kubeflow_url, "nonsense") as (_, port):
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: port.find(wanted.execution),
            lambda: port.launch(wanted, "run-1"),
        ]
        for call in calls:
            with pytest.raises(DependencyError, match="the server refuses our credentials"):
                await call()


async def test_a_pipeline_that_is_newer_than_the_server_is_rejected_with_its_words(
    kubeflow_namespace: str, kubeflow_url: str
) -> None:
    wanted = replace(launch(kubeflow_namespace, "newer"), pipeline=NEWER)
    async with connected(kubeflow_url, operator_token()) as (_, port):
        with pytest.raises(RejectedError, match="cannot read the pipeline"):
            await port.launch(wanted, "run-1")
        assert await port.find(wanted.execution) is None
        await port.forget(wanted.execution)


async def test_an_experiment_of_somebody_else_is_said_and_stays(kubeflow_namespace: str, kubeflow_url: str) -> None:
    wanted = launch(kubeflow_namespace, "theirs")
    async with connected(kubeflow_url, operator_token()) as (api, port):
        theirs = await api.create_experiment(kubeflow_namespace, "theirs", "my own runs")
        with pytest.raises(RejectedError, match="rename the TrainingRun, or delete that experiment"):
            await port.launch(wanted, "run-1")
        await port.forget(wanted.execution)
        left = await api.experiment(kubeflow_namespace, "theirs")
        assert left is not None and left["experiment_id"] == theirs
        await api.delete_experiment(str(theirs))
