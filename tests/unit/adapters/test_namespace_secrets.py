"""Pods get credentials from Secrets of their namespace, on both backends, and from nowhere else."""

from dataclasses import replace
from typing import cast

import pytest
from tests.fakes.cluster import FakeCluster
from tests.unit.adapters.test_kubeflow import EXECUTION, LAUNCH, SPEC, RememberingApi

from millwright.adapters import jobs
from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubeflow import KubeflowPipelines, KubeflowSettings
from millwright.adapters.kubeflow_api import KubeflowApi
from millwright.api.training_run import TrainingRunSpec
from millwright.core.node_pools import NodePools

OWN_STORAGE = TrainingRunSpec.model_validate(
    SPEC.model_dump(by_alias=True, exclude_none=True) | {"storage": {"secretRef": "own-s3"}}
)
CASES: dict[str, tuple[TrainingRunSpec, str | None, list[str]]] = {
    "storage alone": (SPEC, None, ["storage"]),
    "MLflow's too, where it asks for a login": (SPEC, "mlflow", ["storage", "mlflow"]),
    "storage that the run names itself": (OWN_STORAGE, "mlflow", ["own-s3", "mlflow"]),
}


def settings(mlflow_secret: str | None) -> JobSettings:
    return JobSettings("runner:1", "http://mlflow", "storage", {}, mlflow_secret)


@pytest.mark.parametrize(("spec", "mlflow", "secrets"), CASES.values(), ids=CASES.keys())
def test_a_job_s_pod_has_all_of(spec: TrainingRunSpec, mlflow: str | None, secrets: list[str]) -> None:
    labels = jobs.labels(EXECUTION, spec, "pipeline")
    made = jobs.job(EXECUTION, spec, settings(mlflow), labels, "k", [], "run-1")
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert [source["secretRef"]["name"] for source in container["envFrom"]] == secrets


@pytest.mark.parametrize(("spec", "mlflow", "secrets"), CASES.values(), ids=CASES.keys())
async def test_a_step_on_kubeflow_has_the_named_keys_of(
    spec: TrainingRunSpec, mlflow: str | None, secrets: list[str]
) -> None:
    cluster = FakeCluster()
    api = RememberingApi(cluster)
    chosen = KubeflowSettings("http://kubeflow", "kubeflow", ("AWS_ACCESS_KEY_ID",), ("MLFLOW_TRACKING_PASSWORD",))
    port = KubeflowPipelines(cast(KubeflowApi, api), cluster, settings(mlflow), chosen, NodePools)
    await port.launch(replace(LAUNCH, spec=spec), "run-1")
    (run,) = api.runs
    executors = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    sources = executors["exec-train"]["secretAsEnv"]
    assert [source["secretName"] for source in sources] == secrets
    keys = [entry["envVar"] for source in sources for entry in source["keyToEnv"]]
    assert keys == ["AWS_ACCESS_KEY_ID", "MLFLOW_TRACKING_PASSWORD"][: len(secrets)]
