"""Copies: what an execution was launched with, in a ConfigMap of its key beside it, on every backend.

The embedded backend's pod runs from it, the packaging Job stores it beside the package, and a replay begins with it.
"""

from millwright.adapters import jobs
from millwright.core import records
from millwright.core.actions import Launch
from millwright.core.execution import Execution
from millwright.ports import CONFIG_MAPS, Cluster, Manifest

FOLDER = "/etc/millwright"
STEP = "pipeline"


async def keep(cluster: Cluster, launch: Launch) -> None:
    """The copy is of this launch, before anything is started: an earlier one that came to nothing is replaced."""
    wanted, execution = _config_map(launch), launch.execution
    there = await cluster.get(CONFIG_MAPS, execution.run.namespace, execution.key)
    if there is not None and there.get("data") != wanted["data"]:
        await drop(cluster, execution, execution.key)
        there = None
    if there is None:
        await cluster.create(CONFIG_MAPS, wanted)


async def drop(cluster: Cluster, execution: Execution, key: str) -> None:
    """There is no copy of the execution with that key of the same TrainingRun; absent is fine."""
    await cluster.delete(CONFIG_MAPS, execution.run.namespace, key)


def _config_map(launch: Launch) -> Manifest:
    execution = launch.execution
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": jobs.metadata(execution, execution.key, jobs.labels(execution, launch.spec, STEP)),
        "immutable": True,
        "data": records.texts(launch.pipeline, launch.arguments, dict(launch.record)),
    }
