"""The real things: a namespace on the local cluster, and an MLflow server of the runner's environment."""

import os
from collections.abc import Iterator

import pytest
from tests.cluster import kubeconfig_path
from tests.contract.kube import own_namespace
from tests.contract.mlflow_server import mlflow_server

os.environ["KUBECONFIG"] = str(kubeconfig_path())  # the Kubernetes client reads it when it is imported


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """A namespace of this session's own."""
    with own_namespace() as name:
        yield name


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an MLflow server that knows nothing yet."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url
