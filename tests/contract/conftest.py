"""The real things: a namespace on the local cluster, and an MLflow server of the runner's environment."""

import os
from collections.abc import Iterator

import pytest
from demo.kube import service_address
from tests.cluster import kubeconfig_path
from tests.cluster.kubeflow import profile
from tests.cluster.settings import Checkout
from tests.contract.kube import own_namespace
from tests.contract.mlflow_server import mlflow_server

os.environ["KUBECONFIG"] = str(kubeconfig_path())  # the Kubernetes client reads it when it is imported


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """A namespace of this session's own."""
    with own_namespace() as name:
        yield name


@pytest.fixture(scope="session")
def embedded_namespace(namespace: str) -> str:
    """For the embedded pipelines backend: any namespace will do."""
    return namespace


@pytest.fixture(scope="session")
def kubeflow_namespace() -> Iterator[str]:
    """For the kubeflow pipelines backend: one with what Kubeflow's pods need."""
    with own_namespace() as name:
        profile.apply(Checkout(), name)
        yield name


@pytest.fixture(scope="session")
def kubeflow_url() -> str:
    """Of the cluster's Kubeflow Pipelines server. Without one the tests fail, and say what to do."""
    try:
        return f"http://{service_address('ml-pipeline', 'kubeflow')}:8888"
    except LookupError:
        raise AssertionError("no Kubeflow Pipelines: run `make cluster install KUBEFLOW=1`") from None


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an MLflow server that knows nothing yet."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url
