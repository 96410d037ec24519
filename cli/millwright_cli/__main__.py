"""`kubectl-millwright`: the real ports, given to the command line."""

import time

from millwright_cli.app import app
from millwright_cli.ports import Cluster, Registry
from millwright_cli.session import Ports


def main() -> None:
    """The console script."""
    app(prog_name="kubectl millwright", obj=Ports(_cluster, _registry, time.sleep))


def _cluster(context: str | None) -> Cluster:
    from millwright_cli.adapters.kubernetes import KubernetesCluster  # a second to import: --help need not wait

    return KubernetesCluster(context)


def _registry(url: str) -> Registry:
    from millwright_cli.adapters.mlflow import MlflowRegistry

    return MlflowRegistry(url)


if __name__ == "__main__":
    main()
